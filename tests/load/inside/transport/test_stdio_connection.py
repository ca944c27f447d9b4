"""The load's stdio transport against real processes that behave, and against those that don't."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from harness.foundation.secrets import hiding
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.stdio_connection import StdioConnection, StdioServers, servers_of
from harness.load.inside.transport.stdio_log import EACH_BYTES
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.run_directory.schema import NULL
from harness.services.processes import proctable
from tests.fakes.stdio_server import command
from tests.load.inside.waiting import until

pytestmark = pytest.mark.parts

LONG_S = 60.0


def servers(behaviour: str, *more: str, log: Path | None = None) -> StdioServers:
    return servers_of(command(behaviour, *more), os.environ, (), log)


@pytest.fixture
def opened() -> Iterator[list[StdioConnection]]:
    """The connections of a test, which end with it."""
    connections: list[StdioConnection] = []
    yield connections
    for one in connections:
        one.close(kindly=False)


def session(connection: StdioConnection) -> Session:
    """Open a session; its first exchange starts the process."""
    connection.start()
    opening = (found := new_session("2025-11-25")).opening()
    first = connection.exchange(next(opening))
    second = connection.exchange(opening.send(first.reply))
    connection.opened(found, 1)
    assert [(one.reply.outcome, one.reused) for one in (first, second)] == [("ok", False), ("ok", True)]
    assert first.bytes_in > 0
    assert first.sent_ns < first.first_byte_ns <= first.done_ns
    return found


@pytest.mark.parametrize(
    ("behaviour", "ended", "detail", "stays_open"),
    [
        ("serve", outcome.OK, "", True),
        ("noise", outcome.OK, "", True),
        ("split", outcome.OK, "", True),
        ("asks", outcome.OK, "", True),
        ("flood", outcome.OK, "", True),
        ("error", outcome.RPC_ERROR, "bad", True),
        ("tool-error", outcome.TOOL_ERROR, "no", True),
        ("other-id", outcome.ID_MISMATCH, "another id", True),
        ("text-id", outcome.ID_MISMATCH, "another id", True),
        ("broken", outcome.BAD_BODY, "not JSON-RPC", True),
        ("no-result", outcome.BAD_BODY, "neither", True),
        ("endless", outcome.BAD_BODY, "16 MB", False),
        ("exit", outcome.DISCONNECTED, "exit code 3", False),
        ("crash", outcome.DISCONNECTED, "SIGKILL", False),
        ("half", outcome.TRUNCATED, "exit code 0", False),
        ("no-output", outcome.DISCONNECTED, "it closed its output", False),
    ],
)
def test_each_way_a_server_can_answer_or_fail_has_its_name(
    opened: list[StdioConnection], behaviour: str, ended: str, detail: str, stays_open: bool
) -> None:
    """One outcome a case; after one that cannot be gone on after, the process is gone."""
    here = StdioConnection(servers(behaviour), Deadlines(), LONG_S)
    opened.append(here)
    done = here.exchange(session(here).call("echo", {"message": "hi"}))

    assert done.reply.outcome == ended, done.reply
    assert detail in done.reply.detail
    assert here.is_open == stays_open
    assert (done.first_byte_ns == NULL) == (done.bytes_in == 0)
    assert done.sent_ns < done.done_ns


@pytest.mark.parametrize("behaviour", ["silent", "shouts"])
def test_a_call_without_an_answer_times_out_and_the_process_goes_on(
    opened: list[StdioConnection], behaviour: str
) -> None:
    """As a real client would go on; also when it writes without end, and never an answer."""
    here = StdioConnection(servers(behaviour), Deadlines(), LONG_S)
    opened.append(here)
    asked = session(here)
    here._timeout_ns = int(0.3e9)
    done = here.exchange(asked.call("echo", {"message": "hi"}))

    assert (done.reply.outcome, done.bytes_in, here.is_open) == (outcome.TIMEOUT, 0, True)


def test_a_late_reply_is_not_taken_for_the_next_one(opened: list[StdioConnection]) -> None:
    """It has the id of a call that was given up."""
    here = StdioConnection(servers("late"), Deadlines(), LONG_S)
    opened.append(here)
    asked = session(here)
    here._timeout_ns = int(0.3e9)
    first = here.exchange(asked.call("echo", {"message": "late"}))
    here._timeout_ns = int(LONG_S * 1e9)
    second = here.exchange(asked.call("pid", {}))

    assert first.reply.outcome == outcome.TIMEOUT
    assert second.reply.outcome == outcome.OK
    assert second.reply.value()["content"][0]["text"] == str(here.pid)


def test_a_server_that_never_reads_is_given_up_when_its_pipe_is_full(opened: list[StdioConnection]) -> None:
    """And ended: half a message is in it."""
    here = StdioConnection(servers("deaf"), Deadlines(), 0.5)
    opened.append(here)
    here.start()
    done = here.exchange(new_session("2026-07-28").call("echo", {"message": "x" * 1_000_000}))

    assert (done.reply.outcome, done.reply.detail, here.is_open) == (
        outcome.TIMEOUT,
        "no answer in time",
        False,
    )


def test_a_server_that_does_not_answer_initialize_is_ended(opened: list[StdioConnection]) -> None:
    """A session can only be begun once: the next one starts another process."""
    here = StdioConnection(servers("deaf"), Deadlines(), 0.3)
    opened.append(here)
    here.start()
    done = here.exchange(next(new_session("2025-11-25").opening()))

    assert (done.reply.outcome, here.is_open, len(here._servers.alive)) == (outcome.TIMEOUT, False, 0)


def test_a_program_that_is_not_there_is_no_connection(opened: list[StdioConnection]) -> None:
    """The reason is in the outcome."""
    here = StdioConnection(servers_of(["no-such-program-here"], os.environ, (), None), Deadlines(), LONG_S)
    opened.append(here)
    here.start()
    done = here.exchange(next(new_session("2025-11-25").opening()))

    assert done.reply.outcome == outcome.CONNECT
    assert "Cannot start no-such-program-here: No such file" in done.reply.detail


def test_after_its_end_the_next_call_starts_another_process(opened: list[StdioConnection]) -> None:
    """Killed while idle, as a fault does it."""
    here = StdioConnection(servers("serve"), Deadlines(), LONG_S)
    opened.append(here)
    session(here)
    before = here.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: not here.is_open)
    lost = here.exchange(new_session("2025-11-25").call("echo", {}))
    session(here)

    assert (lost.reply.outcome, lost.reply.detail) == (outcome.DISCONNECTED, "killed by signal 9 (SIGKILL)")
    assert here.pid != before
    assert len(here._servers.alive) == 1


def test_what_a_server_says_on_its_error_output_is_kept_within_bounds(
    opened: list[StdioConnection], tmp_path: Path
) -> None:
    """Without secrets; a flood neither blocks the server nor fills the disk."""
    hiding.learn("s3cr3t-value-1")
    told = StdioConnection(servers("says-error", log=tmp_path / "a.log"), Deadlines(), LONG_S)
    floods = StdioConnection(servers("flood", log=tmp_path / "b.log"), Deadlines(), LONG_S)
    opened += [told, floods]
    session(told)
    flooded = floods.exchange(session(floods).call("echo", {"message": "hi"}))
    until(lambda: (tmp_path / "a.log").exists() and (tmp_path / "b.log").exists())

    assert f"process {told.pid}: It starts with (hidden)" in (tmp_path / "a.log").read_text().replace(
        "a secret", "(hidden)"
    )
    assert flooded.reply.outcome == outcome.OK
    assert (tmp_path / "b.log").stat().st_size < EACH_BYTES * 1.1
    assert floods._servers.log.thrown_away > 3_000_000


def test_a_server_leaves_when_its_input_ends_and_is_killed_if_it_stays(opened: list[StdioConnection]) -> None:
    """Nothing of either is left."""
    for behaviour in ("serve", "stays"):
        here = StdioConnection(servers(behaviour), Deadlines(), LONG_S)
        opened.append(here)
        asked = session(here)
        pid = here.pid
        assert pid is not None
        if behaviour == "stays":
            here._timeout_ns = int(0.2e9)
            here.exchange(asked.call("echo", {"message": "hi"}))
        here.close()

        assert proctable.read(pid) is None


def test_what_a_server_has_left_behind_is_ended_with_it(opened: list[StdioConnection]) -> None:
    """Also what has left its session, and forgotten its environment; not what belongs to another session."""
    length = f"{3000 + os.getpid() % 1000}.{time.monotonic_ns()}"
    here = StdioConnection(servers("children", length), Deadlines(), LONG_S)
    opened.append(here)
    here.exchange(session(here).call("echo", {"message": "hi"}))

    until(lambda: len(sleeping(length)) == 1)
    here.close()
    until(lambda: not sleeping(length))


def sleeping(length: str) -> list[int]:
    """The processes that sleep that long."""
    wanted = f"sleep\0{length}\0".encode()
    return [pid for pid in proctable.table() if _command_line(pid) == wanted]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_not_more_than_a_few_start_at_the_same_time(opened: list[StdioConnection]) -> None:
    """A start takes more of a processor than any call."""
    group = servers("slow-start", "0.05")
    most = 0

    def one() -> None:
        nonlocal most
        here = StdioConnection(group, Deadlines(), LONG_S)
        opened.append(here)
        here.start()
        here.exchange(next(new_session("2025-11-25").opening()))

    def watch() -> None:
        nonlocal most
        while True:
            most = max(
                most, sum(not process.lines._highest or not process.began_ns for process in group.alive)
            )
            gevent.sleep(0.001)

    watching = gevent.spawn(watch)
    gevent.joinall([gevent.spawn(one) for _ in range(10)], timeout=LONG_S, raise_error=True)
    watching.kill()

    assert len(group.alive) == 10
    assert 1 <= most <= group.starts_at_once


def test_a_user_that_is_stopped_in_mid_call_takes_its_process_along(opened: list[StdioConnection]) -> None:
    """The call is cut, nothing is left."""
    here = StdioConnection(servers("silent"), Deadlines(), LONG_S)
    opened.append(here)
    asked = session(here)
    calling = gevent.spawn(here.exchange, asked.call("echo", {"message": "hi"}))
    gevent.sleep(0)
    until(lambda: any(here._servers.alive))
    pid = here.pid
    assert pid is not None
    calling.kill()

    assert proctable.read(pid) is None
    assert not here._servers.alive


def test_users_can_share_a_process_and_its_session(opened: list[StdioConnection]) -> None:
    """One opens it, others join; their calls are told apart by their ids; who is stopped spoils nothing."""
    group = servers("late")
    group.users_per_process = 3
    ways = [StdioConnection(group, Deadlines(), LONG_S) for _ in range(4)]
    opened += ways
    asked = session(ways[0])
    joined = [(asked, 1), *(way.start() for way in ways[1:])]
    stopped = gevent.spawn(ways[2].exchange, asked.call("echo", {"message": "2"}))
    gevent.sleep(0)
    stopped.kill()
    first = gevent.spawn(ways[0].exchange, asked.call("echo", {"message": "0"}))
    gevent.sleep(0)
    second = ways[1].exchange(asked.call("pid", {}))
    first.join(LONG_S)

    assert joined == [(asked, 1)] * 3 + [None]
    assert [way.pid == ways[0].pid for way in ways] == [True, True, False, False]
    assert len(group.alive) == 2
    assert first.value.reply.value()["content"][0]["text"] == "0"
    assert second.reply.value()["content"][0]["text"] == str(ways[0].pid)
    ways[0].close()
    assert ways[1].is_open
    ways[1].close()
    assert len(group.alive) == 1
