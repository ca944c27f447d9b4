"""Sessions that are processes: a run of them, faults on them, and that none is left after anything."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.services.processes import proctable
from tests.e2e.disturbed import assert_only_the_machine
from tests.fakes.stdio_server import command

WITHIN_S = 120.0
CALL = ("--call", "echo", "--args", '{"message": "hi"}')


@pytest.fixture
def tag() -> Iterator[str]:
    """A word in the command line of every process of a test; what has it is ended with the test."""
    word = f"stdio-{uuid.uuid4().hex}"
    yield word
    for pid in tagged(word):
        os.kill(pid, signal.SIGKILL)


def tagged(word: str) -> list[int]:
    """The servers with that word, not the harness that was told to start them, nor its workers."""
    return [pid for pid in proctable.table() if _is_server(pid, word)]


def _is_server(pid: int, word: str) -> bool:
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return word.encode() in argv


def wrapped(*words: str) -> str:
    """A server as npx starts it: a child of a shell's, which the harness has started."""
    return shlex.join(["sh", "-c", '"$@"; true', "sh", *command(*words)])


def harness(out: Path, *words: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "harness", *words, *CALL, "--out", str(out), "--json"]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """The summary of a run that has ended in order: passed, or unknown on a busy machine."""
    out, err = process.communicate(timeout=WITHIN_S)
    found: dict[str, Any] = json.loads(out)
    recovery = "whether the service recovered from "  # the faults here come too soon for that
    assert_only_the_machine(process.returncode, found["reasons"], err, may=recovery)
    return found


def wait_for(there: Any) -> None:
    limit = time.monotonic() + WITHIN_S
    while not there():
        assert time.monotonic() < limit
        time.sleep(0.02)


def rows(found: dict[str, Any]) -> dict[str, int]:
    return {one["operation"]: one["ok"] for one in found["operations"]}


def test_a_run_starts_a_process_for_each_session_and_ends_them(tmp_path: Path, tag: str) -> None:
    """With a row for each start, and figures of each process."""
    found = finished(
        harness(
            tmp_path, "sustain", "--users", "3", "--for", "3s", "--think", "--command", wrapped("clings", tag)
        )
    )

    assert (found["target"]["transport"], found["target"]["protocol"]) == ("stdio", "2025-11-25")
    assert found["totals"]["failed"] == 0
    assert rows(found)["initialize"] == found["sessions"]["opened"] == 3
    assert rows(found)["tools/call:echo"] > 0
    assert (found["processes"]["started"], found["processes"]["failed"]) == (3, 0)
    assert found["processes"]["start_ms_median"] > 0
    assert found["processes"]["rss_mb_max"] > 1
    assert tagged(tag) == []


def test_users_share_processes_when_they_are_told_to(tmp_path: Path, tag: str) -> None:
    """Five users, two to a process."""
    found = finished(
        harness(
            tmp_path,
            "sustain",
            "--users",
            "5",
            "--for",
            "3s",
            "--think",
            "--users-per-process",
            "2",
            "--command",
            shlex.join(command("serve", tag)),
        )
    )

    assert rows(found)["initialize"] == 3
    assert found["totals"]["failed"] == 0
    assert tagged(tag) == []


def test_processes_are_killed_and_paused_and_come_back(tmp_path: Path, tag: str) -> None:
    """Both are verified and healed; killed ones are replaced, paused ones go on."""
    faults = ("--fault", "kill:at=3s,for=2s", "--fault", "pause:at=6s,for=2s")
    found = finished(
        harness(
            tmp_path,
            "sustain",
            "--users",
            "3",
            "--for",
            "10s",
            "--no-think",
            *faults,
            "--command",
            shlex.join(command("serve", tag)),
        )
    )
    by_name = {fault["name"]: fault for fault in found["faults"]}

    assert [(by_name[name]["verified"], by_name[name]["healed"]) for name in ("kill", "pause")] == [
        (True, True)
    ] * 2
    assert rows(found)["initialize"] == 6
    assert {failure["outcome"] for failure in found["failures"]} <= {"disconnected"}
    assert tagged(tag) == []


@pytest.mark.long
def test_a_matrix_has_the_rows_that_fit_and_says_what_does_not(tmp_path: Path, tag: str) -> None:
    """Killed and paused processes; each other row is among those that cannot apply, with the reason."""
    times = ("--before", "6s", "--for", "2s", "--after", "9s", "--users", "2")
    started = harness(tmp_path, "chaos", "--matrix", *times, "--command", shlex.join(command("serve", tag)))
    out, err = started.communicate(timeout=WITHIN_S)
    found = json.loads(out)
    assert_only_the_machine(started.returncode, found["reasons"], err, may="how the service handles ")
    by_name = {row["name"]: row for row in found["matrix"]["rows"]}
    faults = {fault["name"]: fault for fault in found["faults"]}

    assert list(by_name) == ["kill-target", "pause-target"]
    assert {(one["verified"], one["healed"]) for one in faults.values()} == {(True, True)}
    assert rows(found)["initialize"] == 4
    beyond = {row: one["why"] for one in found["matrix"]["not_applicable"] for row in one["rows"]}
    assert beyond["latency-client"].startswith("over stdio there is no network")
    assert {"noop-client", "rude-expired", "restart-target", "down-database"} <= beyond.keys()
    assert not beyond.keys() & by_name.keys()
    assert tagged(tag) == []


def killed_with_its_sessions(out: Path, tag: str, sessions: int) -> None:
    """They run, then the harness is gone at once, and nothing of theirs is left."""
    process = harness(
        out,
        "sustain",
        "--users",
        str(sessions),
        "--for",
        "300s",
        "--think",
        "--command",
        wrapped("clings", tag),
    )
    try:
        wait_for(
            lambda: len(tagged(tag)) >= 2 * sessions or process.poll() is not None
        )  # a shell and a server each
        assert process.poll() is None, process.communicate()
        process.kill()
        process.wait()
        wait_for(lambda: not tagged(tag))
    finally:
        process.kill()
        process.communicate()


def test_nothing_is_left_when_the_harness_is_killed(tmp_path: Path, tag: str) -> None:
    """The servers neither leave when their input ends, nor at SIGTERM."""
    killed_with_its_sessions(tmp_path, tag, 6)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_left_twenty_times(tmp_path: Path, tag: str) -> None:
    """The same with twenty sessions, twenty times."""
    for number in range(20):
        killed_with_its_sessions(tmp_path / str(number), tag, 20)


@pytest.mark.long  # above: in order, and killed; test_fault_runs.py: interrupted
def test_nothing_is_left_when_a_run_is_interrupted(tmp_path: Path, tag: str) -> None:
    """In order: there is a report of what was."""
    process = harness(
        tmp_path, "sustain", "--users", "3", "--for", "300s", "--think", "--command", wrapped("clings", tag)
    )
    wait_for(lambda: len(tagged(tag)) >= 6 or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WITHIN_S)

    assert process.returncode == 130
    assert tagged(tag) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--command", "no-such-program-here"),
            ("does not answer on its standard output", "Cannot start no-such-program-here"),
        ),
        (
            ("--command", "sh -c 'echo lacks a key >&2; exit 3'"),
            ("does not answer", "exit code 3: lacks a key"),
        ),
        (("--command", "x", "--url", "http://127.0.0.1:1/"), ("name two servers",)),
    ],
)
def test_what_is_wrong_is_said_in_three_lines(
    tmp_path: Path, words: Sequence[str], said: Sequence[str]
) -> None:
    """What, why, and what to do."""
    process = harness(tmp_path, "sustain", "--users", "1", "--for", "1s", *words)
    _, err = process.communicate(timeout=WITHIN_S)

    assert process.returncode in {2, 4}
    assert all(each in err for each in said)
    assert "Traceback" not in err
