"""`harness toxiproxy`, for real: as a user runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.services.processes import proctable
from harness.services.processes.ports import free_port, is_taken
from harness.services.toxiproxy import install
from tests import getting

PROGRAM = str(Path(sys.executable).with_name("harness"))


@pytest.fixture
def started(tmp_path: Path, toxiproxy_found: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`harness toxiproxy start` in the foreground, and the address it says."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        [PROGRAM, "toxiproxy", "start", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            line = process.stdout.readline()
            yield process, line.rpartition(" ")[2].strip()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_start_runs_one_until_it_is_asked_to_end(
    started: tuple["subprocess.Popen[str]", str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """It says where, status finds it there, and nothing is left of it."""
    process, url = started
    assert url.startswith("http://127.0.0.1:")
    monkeypatch.setenv("TOXIPROXY_URL", url)
    assert run(["toxiproxy", "status"]) == 0
    out = capsys.readouterr().out
    assert f"{url} answers: version {install.found().version}, 0 proxies" in out
    assert "TOXIPROXY_URL names it, so runs use it" in out
    process.send_signal(number)
    assert process.wait(60) == 0
    assert f"TOXIPROXY_URL={url}" in process.stderr.read()
    assert not is_taken(int(url.rpartition(":")[2]))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_start_says_when_it_ended_by_itself(started: tuple["subprocess.Popen[str]", str]) -> None:
    """Somebody else killed it: an error, not a silence."""
    process, _ = started
    children = [each for each in proctable.table().values() if each.ppid == process.pid]
    server = next(each for each in children if b"-port" in Path(f"/proc/{each.pid}/cmdline").read_bytes())
    proctable.send(server, signal.SIGKILL)
    assert process.wait(60) == 3
    assert "Toxiproxy ended by itself" in process.stderr.read()


def test_start_on_a_taken_port_is_exit_2(toxiproxy_found: Path) -> None:
    """And says what may be listening there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = subprocess.run(
            [PROGRAM, "toxiproxy", "start", "--port", port],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"Error: Port {port} is taken"
    assert "set TOXIPROXY_URL" in done.stderr


def test_status_as_json(toxiproxy_found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The programs in the order of preference, and the server."""
    assert run(["toxiproxy", "status", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["usable"]
    version = install.found().version
    assert answer["programs"] == [
        {"path": str(toxiproxy_found), "version": version, "ours": False, "problem": ""}
    ]
    assert answer["server"]["named"] is False


def test_status_of_a_server_that_is_gone_is_exit_5(
    toxiproxy_found: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though there is a program: TOXIPROXY_URL says what a run uses."""
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("TOXIPROXY_URL", url)
    assert run(["toxiproxy", "status"]) == 5
    assert (
        f"Toxiproxy at {url} does not answer. GET /version failed: Connection refused"
        in capsys.readouterr().out
    )


def test_status_without_any_names_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 5: no faults without one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path))
    monkeypatch.delenv("TOXIPROXY_URL", raising=False)
    assert run(["toxiproxy", "status"]) == 5
    assert "program  none; `harness toxiproxy install` gets one" in capsys.readouterr().out
    broken = tmp_path / "toxiproxy-server"
    broken.write_text("#!/bin/sh\n")
    broken.chmod(0o755)
    assert run(["toxiproxy", "status"]) == 5
    assert f"{broken}, on PATH, cannot be used: it does not say its version" in capsys.readouterr().out


def test_status_shows_which_program_is_not_used(
    toxiproxy_found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """PATH wins over the own copy."""
    own = install.own_path()
    own.parent.mkdir(parents=True)
    own.symlink_to(toxiproxy_found.resolve())
    assert run(["toxiproxy", "status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(", on PATH")
    assert lines[1].endswith(", the harness's own copy, not used")


@pytest.mark.skipif(install.go_program() is None, reason=getting.go())
def test_install_says_what_it_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed, then there."""
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path))
    for what in ("installed", "is there"):
        assert run(["toxiproxy", "install"]) == 0
        path = tmp_path / "bin" / "toxiproxy-server"
        assert capsys.readouterr().out == f"Toxiproxy {install.VERSION} {what}: {path}\n"


def test_install_of_a_version_that_cannot_be_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In three lines."""
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path))
    assert run(["toxiproxy", "install", "--version", "2.1.4"]) == 2
    assert "Error: Toxiproxy 2.1.4 cannot be installed" in capsys.readouterr().err
