"""What the fast lane does beside calls that go well: it is stopped, written down, told of news, and left."""

from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from harness.load.inside import native
from harness.load.inside.transport import credential
from harness.load.inside.transport.kernel_stamps import sampling
from harness.load.inside.users import recorder
from harness.load.inside.users.turns import OVER
from harness.load.inside.users.user import McpUser
from tests.fakes.wire import WireServer, wire_server
from tests.load.inside.native.lanes import CALLS, Calling, Repeating, Run, on
from tests.load.inside.waiting import until

BOTH = pytest.mark.parametrize("kind", [Repeating, Calling])
USUAL = "/json?every=100000"
pytestmark = pytest.mark.usefixtures("wire")


@pytest.fixture(scope="module")
def server() -> Iterator[WireServer]:
    with wire_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    with gevent.Timeout(60):
        yield


def started(run: Run) -> gevent.Greenlet:
    return gevent.spawn(run.all)


@BOTH
def test_a_user_that_is_killed_in_mid_call_leaves_its_row(
    server: WireServer, kind: type[McpUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth call hangs: it is `unfinished`, as it would be in Python, and its connection is closed."""
    run = on("on", monkeypatch, kind, f"{server.url}/hangs-before?every=4")
    calling = started(run)
    until(lambda: run.recorder.started == 4)
    gevent.sleep(0.05)
    calling.kill()
    closed = run.user.http._socket is None
    table = run.table()

    assert closed
    assert list(table["outcome"].astype(str)) == ["ok", "ok", "ok", "unfinished"]
    assert run.recorder.started == run.recorder.recorded == 4
    assert run.recorder.open == {}


def test_open_calls_are_known_while_they_are_open(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block says how many, and since when: no step is over before."""
    run = on("on", monkeypatch, Calling, f"{server.url}/hangs-before?every=4")
    calling = started(run)
    until(lambda: run.recorder.started == 4)
    gevent.sleep(0.05)
    run.recorder.flush()
    calling.kill()
    table = run.table()

    assert run.kept.blocks[0].gauges.open_calls == 1
    assert run.kept.blocks[0].gauges.oldest_open_ns == int(table["intended_ns"].iloc[-1])
    assert run.kept.blocks[-1].gauges.open_calls == 0


@pytest.mark.parametrize("path", ["on", "off"])
def test_a_call_without_end_ends_at_its_deadline(
    server: WireServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The sweep of all deadlines ends it, and the user goes on; on either path."""
    monkeypatch.setattr("tests.load.inside.native.lanes.CALLS", 5)
    run = on(path, monkeypatch, Repeating, f"{server.url}/hangs-before?every=4", timeout_s=2.0)
    table = run.all()

    assert list(table["outcome"].astype(str)) == ["ok", "ok", "ok", "timeout", "ok"]
    late = table[table["outcome"] == "timeout"]
    assert ((late["done_ns"] - late["sent_ns"]) >= 2_000_000_000).all()


@BOTH
def test_blocks_are_written_when_they_are_full(
    server: WireServer, kind: type[McpUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By either path; no row is lost or written twice."""
    monkeypatch.setattr(recorder, "BLOCK_ROWS", 4)
    run = on("on", monkeypatch, kind, server.url + USUAL)
    table = run.all()

    assert [block.rows for block in run.kept.blocks] == [4, 4, 3]
    assert list(table["seq"]) == list(range(CALLS))


def test_turns_that_begin_stop_what_repeats(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the load is over no call begins any more, whoever makes it."""
    monkeypatch.setattr("tests.load.inside.native.lanes.CALLS", 1_000_000)
    run = on("on", monkeypatch, Repeating, server.url + USUAL)
    calling = started(run)
    until(lambda: run.recorder.started > 50)
    run.context.turns = OVER
    until(lambda: run.recorder.started == run.recorder.recorded)
    gevent.sleep(0.05)
    count = run.recorder.started
    gevent.sleep(0.05)
    calling.kill()
    table = run.table()

    assert run.recorder.started == count == len(table)
    assert set(table["outcome"].astype(str)) == {"ok"}


def test_a_new_credential_goes_with_the_next_call(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the same request is sent again and again."""
    monkeypatch.setattr("tests.load.inside.native.lanes.CALLS", 1_000_000)
    run = on("on", monkeypatch, Repeating, server.url + USUAL)
    calling = started(run)
    until(lambda: run.recorder.started > 50)
    server.heads.clear()
    credential.use({"Authorization": "Bearer renewed-7"})
    try:
        until(lambda: any(b"Bearer renewed-7" in head for head in server.heads))
        server.heads.clear()
        until(lambda: len(server.heads) > 20)
    finally:
        credential.use({})
        calling.kill()

    assert all(b"Bearer renewed-7" in head for head in server.heads[1:20])


@BOTH
def test_whoever_begins_to_listen_is_told_of_every_call(
    server: WireServer, kind: type[McpUser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From then on; until then Locust's own statistics have the sums."""
    run = on("on", monkeypatch, kind, server.url + USUAL)
    heard: list[str] = []
    monkeypatch.setattr("tests.load.inside.native.lanes.CALLS", 6)
    while run.recorder.started < 6:
        run.all()
    run.environment.events.request.add_listener(lambda name, **_: heard.append(name))
    monkeypatch.setattr("tests.load.inside.native.lanes.CALLS", 10)
    run.all()

    assert heard == ["tools/call:x"] * 4
    assert run.environment.stats.total.num_requests == 10


def test_connections_leave_the_lane_when_nothing_on_it_is_usual(
    server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams, for one: eight calls in a row that Python had to decide."""
    run = on("on", monkeypatch, Calling, f"{server.url}/stream")
    table = run.all()

    assert list(table["outcome"].astype(str)) == ["ok"] * CALLS
    assert run.user.http._off_lane or run.user.http._socket is None


@BOTH
def test_calls_are_sampled(server: WireServer, kind: type[McpUser], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, while they are few: how late it was sent, and how long its reply waited."""
    monkeypatch.setattr(sampling, "is_on", True)
    monkeypatch.setattr(sampling, "skip", 0)
    monkeypatch.setattr(sampling, "each", 1)
    sampling.times(0)
    monkeypatch.setattr(sampling, "each", 1)
    run = on("on", monkeypatch, kind, server.url + USUAL)
    run.all()

    assert sampling._asked == CALLS  # the kernel may begin to stamp a moment late: some waits are unknown
    assert len(sampling.times(0).read_ms) <= CALLS


@pytest.mark.parametrize("word", ["off", "OFF", "0", "no"])
def test_it_can_be_switched_off(word: str) -> None:
    """Then, and where it was not compiled, everything is done in Python."""
    assert native.choose(word).wire is None
    assert native.choose(word).says == f"Python: HARNESS_NATIVE={word}"


def test_it_is_used_where_it_was_compiled(wire: Any) -> None:
    """Unless the user says otherwise."""
    assert native.choose("").wire is wire


def test_what_was_compiled_from_another_source_is_not_used(
    monkeypatch: pytest.MonkeyPatch, wire: Any
) -> None:
    """A checkout that was updated since."""
    monkeypatch.setattr(native, "source_hash", lambda: "another")

    assert native.choose("on") == native.Choice(None, native.OTHER_SOURCE)
