"""`harness verify --deploy-simulation`: a server of our own, replaced in the middle, and what is left of all that."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import run
from harness.run_directory.undo import read_open
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.proctable import is_alive
from tests import waiting

ANOTHER = "a deploy puts another process in its place"
SESSION = "a session that was open before a deploy works after it"
WRITTEN = "what was acknowledged before a deploy is there after it"


def simulated(out: Path, *flags: str) -> tuple[int, dict[str, Any]]:
    """Exit code and results."""
    argv = [
        sys.executable,
        "-m",
        "harness",
        "verify",
        "--deploy-simulation",
        "--json",
        "--out",
        str(out),
        *flags,
    ]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HARNESS_")}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=400, check=False, env=environ)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["results"]


def by_status(results: dict[str, Any], status: str) -> set[str]:
    return {test["name"].partition(" [")[0] for test in results["tests"] if test["status"] == status}


def test_sessions_and_writes_survive_a_deploy_of_the_reference_server(tmp_path: Path) -> None:
    """All checks, the deploy among them; its database and its processes are gone afterwards."""
    code, results = simulated(tmp_path)
    place = (tmp_path / "verify" / "latest").resolve()

    assert by_status(results, "failed") | by_status(results, "other") == set()
    assert code == 0
    assert {ANOTHER, SESSION, WRITTEN, "what one client wrote another can read"} <= by_status(
        results, "passed"
    )
    assert read_open(place / "undo.jsonl") == []
    assert (place / "target.log").is_file()


def test_sessions_that_are_kept_in_the_process_are_named_for_it(tmp_path: Path) -> None:
    """Each version that had one open; the writes are there all the same."""
    code, results = simulated(
        tmp_path, "--category", "deploy", "--keep-going", "--target-options", "--break sessions-in-memory"
    )
    lost = [test for test in results["tests"] if test["status"] == "failed"]

    assert code == 1
    assert {test["name"].partition(" [")[0] for test in lost} == {SESSION}
    assert len(lost) == 4
    assert all("session_lost" in test["message"] for test in lost)
    assert {ANOTHER, WRITTEN} <= by_status(results, "passed")


def test_what_is_broken_on_purpose_is_named_each_by_the_check_that_is_for_it(tmp_path: Path) -> None:
    """Three at once: tables that a crash empties, memory that sessions leave behind, sessions that are cleaned away too early."""
    breaks = "--break no-durability --break slow-leak --break greedy-cleanup"
    code, results = simulated(
        tmp_path, "--keep-going", "-k", "survive or leaves or idle or migrations", "--target-options", breaks
    )

    assert by_status(results, "failed") == {
        "its tables survive a crash of their server",
        "a session leaves no memory behind",
        "a session that is idle is not cleaned away",
    }
    assert code == 1
    assert {
        "its migrations are applied",
        "its migrations apply to an empty database",
        "its migrations apply to an older database",
    } <= by_status(results, "passed")


def test_nothing_is_left_of_one_that_was_killed(tmp_path: Path) -> None:
    """kill -9 as soon as its server serves: the janitor ends the rest."""
    argv = [sys.executable, "-m", "harness", "verify", "--deploy-simulation", "--out", str(tmp_path)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    said = ""
    while "somebody answers" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    (place,) = (tmp_path / "verify").iterdir()
    entries = [entry.data for entry in read_open(place / "undo.jsonl") if entry.what == "process"]
    started = [(int(each["pid"]), int(each["start_ticks"])) for each in entries]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()

    assert len(started) >= 2
    waiting.until(lambda: read_open(place / "undo.jsonl") == [])
    assert [each for each in started if is_alive(*each)] == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--deploy-simulation", "--url", "http://127.0.0.1:1/mcp"], "starts a server of its own"),
        (
            ["--target-options", "--break slow-leak", "--url", "http://127.0.0.1:1/mcp"],
            "Add --deploy-simulation",
        ),
        (["--deploy-simulation", "--target-options", "--help"], "No such option"),
        (["--deploy-simulation", "--target-options", "--worker"], "--worker cannot be given"),
        (["--deploy-simulation", "--target-options", "--host 0.0.0.0"], "--host cannot be given"),
        (
            ["--deploy-simulation", "--target-options", "--redis-url redis://10.0.0.7/0"],
            "10.0.0.7, which --redis-url names, is not this machine",
        ),
    ],
)
def test_what_cannot_be_simulated_is_wrong_use(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else's server, options that are none of its, an address where no run may go: exit code 2, nothing is started."""
    assert run(["verify", "--out", str(tmp_path), *flags]) == 2
    assert said in capsys.readouterr().err


# A server of a user's: anything that is started by a command, is told its database by a variable, and has an address.
THEIRS = """
target:
  command: {command}
  ready: http://127.0.0.1:{port}/health
  database: SHOP_DATABASE
write: {{call: append_entry, args: {{entry: "{{{{unique}}}}", log: "{{{{unique}}}}"}}}}
read: {{call: read_entries, args: {{log: "{{{{unique}}}}"}}}}
"""
SHELL = 'DATABASE_URL="$SHOP_DATABASE" exec "$0" -m harness.reference --port {port} {options}'


@pytest.mark.parametrize(
    ("options", "lost"),
    [("", set()), pytest.param("--break sessions-in-memory", {SESSION}, marks=pytest.mark.long)],
)
def test_a_command_of_the_user_s_is_deployed_on_a_database_of_its_own(
    options: str, lost: set[str], tmp_path: Path
) -> None:
    """Another process in the middle; what it was told of its database is gone with that."""
    port = free_port()
    words = ["/bin/sh", "-c", SHELL.format(port=port, options=options), sys.executable]
    spec = tmp_path / "verify.yaml"
    spec.write_text(THEIRS.format(command=json.dumps(words), port=port))
    code, results = simulated(tmp_path, str(spec), "--category", "deploy", "--keep-going")
    place = (tmp_path / "verify" / "latest").resolve()

    assert by_status(results, "failed") == lost
    assert code == (1 if lost else 0)
    assert {ANOTHER, WRITTEN} <= by_status(results, "passed")
    assert read_open(place / "undo.jsonl") == []
    assert not is_taken(port, "127.0.0.1")
