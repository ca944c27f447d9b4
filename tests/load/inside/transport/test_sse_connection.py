"""The load's HTTP+SSE connection, and the stream beside the calls, against real sockets."""

from collections.abc import Iterator

import gevent
import pytest

from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.sse_connection import StreamConnection
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply
from harness.run_directory.schema import NULL
from tests.fakes.wire_stream import CASES, Case, StreamServer, stream_server
from tests.load.inside.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[StreamServer]:
    with stream_server() as running:
        yield running


def connection(url: str, timeout_s: float = 10.0) -> StreamConnection:
    return StreamConnection(url, Deadlines(), timeout_s)


def opened(here: StreamConnection, session: Session) -> Reply | None:
    sequence = session.opening()
    try:
        request = next(sequence)
        while True:
            request = sequence.send(here.exchange(request).reply)
    except StopIteration as ended:
        decided: Reply | None = ended.value
        return decided


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_way_a_call_can_end_has_its_name(server: StreamServer, case: Case) -> None:
    """One outcome a case, with times in order; what ends the stream is found before the next call."""
    here = connection(server.url + case.path, 0.3 if case.outcome == outcome.TIMEOUT else 10.0)
    session = new_session("sse")
    here.exchange(session.request("initialize", {}))
    was_open = here.is_open
    done = here.exchange(session.call("x", {}))

    assert done.reply.outcome == case.outcome, done.reply
    assert done.sent_ns < done.done_ns
    assert done.first_byte_ns == NULL or done.sent_ns <= done.first_byte_ns <= done.done_ns
    assert done.reused == was_open
    broken = done.reply.outcome in outcome.CONNECTION_FAILURES | {outcome.SESSION_LOST}
    assert here.is_open == (was_open and not broken)
    here.close()


def test_a_session_goes_on_over_one_stream(server: StreamServer) -> None:
    """Opened once, and everything that comes on it is counted."""
    here = connection(server.url + "/right")
    session = new_session("sse")
    decided = opened(here, session)
    done = [here.exchange(session.call("x", {})) for _ in range(3)]
    here.close()

    assert decided is not None
    assert decided.outcome == outcome.OK
    assert [(one.reply.outcome, one.reused) for one in done] == [("ok", True)] * 3
    assert all(one.bytes_in > 40 and one.bytes_out > 40 for one in done)
    assert not here.is_open


def test_a_lost_stream_is_opened_again_by_the_next_exchange(server: StreamServer) -> None:
    """And the call after that is answered."""
    here = connection(server.url + "/right")
    first, second = new_session("sse"), new_session("sse")
    opened(here, first)
    server.sessions["/right"].cut()
    until(lambda: not here.is_open)
    decided = opened(here, second)
    done = here.exchange(second.call("x", {}))
    here.close()

    assert decided is not None
    assert (decided.outcome, done.reply.outcome) == (outcome.OK, outcome.OK)


def test_a_refused_port_is_connect_and_a_stopped_user_leaves_nothing_open(server: StreamServer) -> None:
    """Killed in mid-call: stream and connection go with it."""
    here = connection(server.url + "/no-answer")
    session = new_session("sse")
    opened(here, session)
    user = gevent.spawn(here.exchange, session.call("x", {}))
    until(lambda: here.deadline_ns)
    user.kill()

    assert not here.is_open
    assert here.deadline_ns == 0
    refused = connection("http://127.0.0.1:1/sse").exchange(new_session("sse").request("initialize", {}))
    assert refused.reply.outcome == outcome.CONNECT
