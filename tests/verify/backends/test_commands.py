"""Commands of the user's: how they are run, and what an orchestrator is asked for."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from harness.verify.backends import command, process
from harness.verify.backends.deploy import orders
from harness.verify.backends.question import filled
from harness.verify.spec.backends import Deploy, Process
from tests import waiting

pytestmark = pytest.mark.parts


@pytest.mark.parts
def test_a_command_is_run_by_the_shell_and_its_last_lines_are_told(tmp_path: Path) -> None:
    """Fit to be shown; with what is added to its environment."""
    well = command.run("test $SHOP = open && echo done", 30, {"SHOP": "open"})
    ill = command.run("printf '1\\n2\\n3\\n\\033[2Jfour\\n' >&2; exit 3", 30)

    assert (well.well, well.said) == (True, ("done",))
    assert not ill.well
    assert ill.how().startswith("ended with exit code 3\n2\n3\n")
    assert "\x1b" not in ill.how()


@pytest.mark.parts
def test_a_program_that_is_not_there_is_told_as_a_shell_would(tmp_path: Path) -> None:
    ran = command.run([str(tmp_path / "no-such-program")], 30)

    assert ran.returncode == 127
    assert "No such file" in ran.how()


@pytest.mark.parts
def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """Its process group."""
    ran = command.run(f"sleep 600 & echo $! > {tmp_path}/pid; wait", 0.3)
    pid = int((tmp_path / "pid").read_text()) if (tmp_path / "pid").exists() else None

    assert ran.returncode is None
    assert ran.how() == "took longer than 300ms"
    waiting.until(lambda: pid is None or process.in_file(tmp_path / "pid") is None)


@pytest.mark.parametrize(
    ("declared", "commands"),
    [
        (Deploy(command="make deploy"), ["make deploy"]),
        (
            Deploy(kubernetes="deployment/shop", within="90s"),
            [
                ["kubectl", "rollout", "restart", "deployment/shop"],
                ["kubectl", "rollout", "status", "deployment/shop", "--timeout=90s"],
            ],
        ),
        (
            Deploy(compose="shop"),
            [["docker", "compose", "up", "--detach", "--no-deps", "--force-recreate", "--wait", "shop"]],
        ),
        (Deploy(systemd="shop.service"), [["systemctl", "restart", "shop.service"]]),
    ],
)
def test_an_orchestrator_is_asked_in_its_own_words(declared: Deploy, commands: list[object]) -> None:
    assert orders(declared) == commands


@pytest.mark.parts
def test_a_process_is_found_by_its_file_or_by_its_port(tmp_path: Path) -> None:
    """And not where it is another machine's, or gone."""
    ours = tmp_path / "pid"
    ours.write_text(f"{os.getpid()}\n")
    gone = tmp_path / "gone"
    gone.write_text("no number")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert process.pid_of(Process(listens=True), "127.0.0.1", port) == os.getpid()
        assert process.pid_of(Process(listens=True), "192.0.2.1", port) is None
    assert process.pid_of(Process(listens=True), "127.0.0.1", port) is None
    assert process.pid_of(Process(pid_file=str(ours)), "", 0) == os.getpid()
    assert process.in_file(gone) is None
    assert process.in_file(tmp_path / "none") is None
    with subprocess.Popen(["sleep", "600"]) as child:
        assert process.rss_bytes(child.pid) > 100_000
        child.kill()


def test_names_are_filled_in_wherever_they_stand() -> None:
    assert filled({"a": ["{{id}}", 1, {"b{{id}}": "x{{unique}}"}]}, {"id": "7", "unique": "u"}) == {
        "a": ["7", 1, {"b7": "xu"}]
    }
