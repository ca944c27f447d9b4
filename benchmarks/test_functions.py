"""The functions that every call goes through, one by one, by pytest-benchmark.

python -m pytest benchmarks/test_functions.py            or: make bench PART=functions
"""

import time
from pathlib import Path
from typing import Any

import pytest

from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.response_heads import KnownHeads
from harness.load.inside.users.recorder import BLOCK_ROWS, Recorder
from harness.load.inside.users.selfwatch import SelfWatch
from harness.mcp.dialects import new_session
from harness.mcp.exchange import Exchange
from harness.mcp.judge import judge_response
from harness.mcp.messages import parse
from harness.mcp.sse import Parser
from harness.run_directory.spool import SpoolFile, read_blocks

ASKED = new_session("2026-07-28").call("echo", {"message": "hello"})
BODY = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello"}],"isError":false}}'
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
ROW = (1_000, 2_000, 3_000, 0, 0, 0, "ok", "", 200, 0, 1, 1, 300, 200, True)


def test_a_call_is_encoded(benchmark: Any) -> None:
    """Tool and arguments to the bytes of a request."""
    session = new_session("2026-07-28")

    assert benchmark(session.call, "echo", {"message": "hello"}).id


def test_a_reply_is_parsed_and_judged(benchmark: Any) -> None:
    """Bytes of JSON to an outcome."""
    assert benchmark(lambda: judge_response(parse(BODY), 1, 200, None)).outcome == "ok"


def test_a_response_goes_through_llhttp(benchmark: Any) -> None:
    """Bytes of HTTP to an outcome, the long way."""
    incoming = Incoming()

    def receive() -> Any:
        incoming.begin(Exchange(ASKED))
        incoming.feed(WHOLE)
        return incoming.exchange.reply

    assert benchmark(receive).outcome == "ok"


def test_a_response_with_a_known_head(benchmark: Any) -> None:
    """Bytes of HTTP to an outcome, the short way."""
    known = KnownHeads()
    for _ in range(2):
        known.learn(WHOLE)

    assert benchmark(known.judge, ASKED, WHOLE).outcome == "ok"


def test_an_event_of_a_stream(benchmark: Any) -> None:
    """Bytes of a stream to the data of its event."""
    parser, event = Parser(1_000_000), b"event: message\r\ndata: %b\r\n\r\n" % BODY

    assert benchmark(lambda: list(parser.feed(event))) == [BODY]


@pytest.fixture
def recorder(tmp_path: Path) -> Any:
    watch = SelfWatch(epoch_ns=0)
    recorder = Recorder(SpoolFile(tmp_path / "worker-0.spool"), 0, lambda: watch.read(0))
    yield recorder
    recorder.close()


def test_a_row_is_recorded(benchmark: Any, recorder: Any) -> None:
    """Number and row of a call, its share of a written block included."""
    benchmark(lambda: recorder.end(recorder.begin(500), *ROW))

    assert recorder.started == recorder.recorded


def test_a_block_is_written_and_read(benchmark: Any, recorder: Any, tmp_path: Path) -> None:
    """32,768 rows to the spool and back."""
    for _ in range(BLOCK_ROWS - 1):
        recorder.end(recorder.begin(500), *ROW)
    offset = 0

    def write_and_read() -> int:
        nonlocal offset
        recorder.flush()
        ((block, offset),) = read_blocks(tmp_path / "worker-0.spool", offset)
        recorder._rows = block.rows  # noqa: SLF001 - the same rows again
        return block.rows

    assert benchmark.pedantic(write_and_read, rounds=20) == BLOCK_ROWS - 1


def test_the_clock_is_read(benchmark: Any) -> None:
    """To compare the others with: four of these are in every call."""
    assert benchmark(time.monotonic_ns)
