"""JSON of somebody else's: of no more bytes and levels than whoever walks through it can bear."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.conduct.experiments.experiment import activities
from harness.foundation.clock import FakeClock, RunClock
from harness.foundation.untrusted import nesting
from harness.history.runs import mapping
from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.frames import Frames
from harness.mcp.messages import DEPTH_MAX, Reply, Request
from harness.mcp.stream import Stream
from harness.run_directory.json_lines import parse
from harness.run_directory.undo import read_open
from tests.fakes.wire_frames import accepted, frame

DEPTHS = (51, 300, 900, 990, 100_000)
ASK = Request("tools/call:x", b"{}", (), 7)


def brackets(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def on_a_deep_stack(levels: int, doing: Any) -> Any:
    return doing() if levels == 0 else on_a_deep_stack(levels - 1, doing)


@pytest.mark.parametrize("depth", DEPTHS)
def test_what_is_too_deep_is_refused_before_it_is_read(depth: int) -> None:
    """However deep the stack is that it is read from; brackets in texts and beside each other are no depth."""
    for text in (brackets(depth), b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        with pytest.raises(ValueError, match="nested more than 50 levels"):
            nesting.value(text, 1_000_000)
    assert nesting.value(b'["' + brackets(depth) + b'"]', 1_000_000) == [brackets(depth).decode()]
    assert nesting.value(b"[" + b"[]," * depth + b"[]]", 1_000_000) == [[]] * (depth + 1)


def test_a_stack_that_is_deep_already_is_an_error_like_any_other() -> None:
    """Not a crash of whoever asked."""
    for levels in range(850, 960):
        try:
            found = on_a_deep_stack(levels, lambda: nesting.value(brackets(50), 1000))
        except (ValueError, RecursionError):  # the latter is this test's own stack
            continue
        assert found


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Nor is more of a file than its bound."""
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        nesting.value("12345678901", 10)
    (tmp_path / "file").write_text("1" * 100)
    with pytest.raises(ValueError, match="larger than 10 bytes"):
        nesting.of_file(tmp_path / "file", 10)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_paper_that_is_too_deep_is_as_good_as_none(tmp_path: Path, depth: int) -> None:
    """Of a run: its summary, its events, what must be undone, the journal of its experiment."""
    path = tmp_path / "file"
    path.write_bytes(b'{"id":1,"what":%b}\n{"id":2,"what":"process"}\n' % brackets(depth))
    assert [entry.id for entry in read_open(path)] == [2]
    assert parse(b'{"at_ns":%b}' % brackets(depth)) is None
    path.write_bytes(b'{"run":%b}' % brackets(depth))
    assert mapping(path) is None
    assert activities(path, RunClock.of(FakeClock())) == []


@pytest.mark.parametrize(
    "journal",
    [
        [],
        1,
        {"run": 1, "rollbacks": {"a": 1}, "steady_states": [1]},
        {"run": [1, {}, {"start": 1}, {"start": "soon"}, {"start": "2026-01-01T00:00:00", "activity": 2}]},
    ],
)
def test_a_journal_of_another_shape_has_no_activities(tmp_path: Path, journal: Any) -> None:
    """An action of the experiment may have written it."""
    path = tmp_path / "journal.json"
    path.write_text(json.dumps(journal))
    assert all(event.name is None for event in activities(path, RunClock.of(FakeClock())))


MEMBERS = [b'"result":%b', b'"result":{"isError":true,"content":%b}', b'"error":{"code":1,"message":%b}']


def http(body: bytes, kind: str) -> Reply:
    exchange = Exchange(ASK)
    exchange.head(200, kind, None)
    exchange.body(body)
    return exchange.end(closed=True)


def websocket(body: bytes) -> Reply:
    frames = Frames("ws://127.0.0.1:1/", ())
    frames.receive(accepted(frames.hello()))
    frames.send(ASK)
    for start in range(0, len(body), 60_000):  # in frames of what its length can be
        last = start + 60_000 >= len(body)
        frames.receive(frame(body[start : start + 60_000], 0 if start else 1, fin=last))
    return frames.ended()


def beside(body: bytes) -> Reply | None:
    stream = Stream("http://127.0.0.1:1/sse", lambda: None)
    stream.head(200, "text/event-stream", None)
    stream.expect(7)
    stream.body(b"event: message\ndata: %b\n\n" % body)
    return stream.reply


CARRIERS = {
    "JSON": lambda body: http(body, "application/json"),
    "events": lambda body: http(b"data: %b\n\n" % body, "text/event-stream"),
    "HTTP+SSE": beside,
    "WebSocket": websocket,
}


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("members", MEMBERS)
@pytest.mark.parametrize("stack", [0, 600])
def test_a_reply_of_any_depth_has_an_outcome_on_every_transport(
    carrier: str, members: bytes, stack: int
) -> None:
    """Also where whoever judges it stands deep already; beyond the bound it is a bad body."""
    for depth in (150, 300, *range(900, 1000, 10), 100_000):
        body = b'{"jsonrpc":"2.0","id":7,%b}' % (members % brackets(depth))
        reply = on_a_deep_stack(stack, lambda body=body: CARRIERS[carrier](body))
        assert reply is not None
        assert reply.outcome in outcome.ALL
        if depth > DEPTH_MAX:
            assert reply.outcome == outcome.BAD_BODY
