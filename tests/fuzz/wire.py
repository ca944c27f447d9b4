"""What a server may send, in whatever pieces, into the parsers of every transport.

    JSON and SSE       harness.mcp.exchange.Exchange
    HTTP+SSE           harness.mcp.stream.Stream
    WebSocket          harness.mcp.frames.Frames, and websockets beneath it
    HTTP/1.1           harness.load.inside.transport.incoming.Incoming, and llhttp beneath it; heads that came before

Whatever comes, there is one outcome of the taxonomy, a detail of one printable line, and a code that fits a row; and the outcome of one
piece and of many is the same. What is answered to a server is one message a question.
"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import httptools

from harness.cli.discover import _lines
from harness.client.preflight import Discovered
from harness.conduct.setup.suggestion import commands_that_work
from harness.foundation.untrusted.printable import lines
from harness.load.inside.transport.incoming import Incoming
from harness.load.inside.transport.response_heads import KnownHeads
from harness.mcp import outcome
from harness.mcp.exchange import Exchange
from harness.mcp.frames import Frames
from harness.mcp.messages import Reply, Request, answer
from harness.mcp.mirrored import sort_out
from harness.mcp.stream import Stream
from tests.fakes.wire_frames import accepted, frame
from tests.fuzz import grammar
from tests.fuzz.trial import HangError, bounded

OURS: Final = 7
URL: Final = "http://127.0.0.1:1/mcp"
ASK: Final = Request(
    "tools/call:x", b'{"jsonrpc":"2.0","id":7,"method":"tools/call"}', (), OURS, in_session=True
)
TYPES: Final = (
    "application/json",
    "text/event-stream",
    "text/html",
    "",
    "TEXT/EVENT-STREAM; charset=x",
    "\x1b[2J",
    "application/json" * 50,
)
STATUSES: Final = (*[200] * 24, 202, 204, 301, 400, 401, 404, 405, 429, 500, 502, 503, 999)
TOOL: Final[dict[str, Any]] = {
    "name": "echo",
    "description": "says it again",
    "inputSchema": {"type": "object", "properties": {"message": {"type": "string", "x-mcp-header": "Message"}, "n": {"type": "integer"}}, "required": ["message"]},
    "annotations": {"readOnlyHint": True},
}  # fmt: skip
MESSAGES: Final[list[dict[str, Any]]] = [
    {"jsonrpc": "2.0", "id": OURS, "result": {"content": [{"type": "text", "text": "hi"}], "isError": False}},
    {"jsonrpc": "2.0", "id": OURS, "result": {"content": [{"type": "text", "text": "no"}], "isError": True}},
    {"jsonrpc": "2.0", "id": OURS, "result": {"tools": [TOOL], "nextCursor": "x"}},
    {
        "jsonrpc": "2.0",
        "id": OURS,
        "result": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "s", "version": "1"}},
    },
    {
        "jsonrpc": "2.0",
        "id": OURS,
        "result": {"resultType": "input_required", "inputRequests": {"a": {"method": "x"}}},
    },
    {
        "jsonrpc": "2.0",
        "id": OURS,
        "error": {"code": -32602, "message": "wrong", "data": {"supported": ["2026-07-28"]}},
    },
    {"jsonrpc": "2.0", "id": OURS - 1, "result": {}},
    {"jsonrpc": "2.0", "id": OURS, "method": "ping"},
    {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info"}},
]


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was done, and what came of it that must not."""
    del place
    kind = random.choice(list(PARTS))
    try:
        with bounded():
            return [kind], PARTS[kind](random)
    except HangError:
        return [kind], ["it took too long"]
    except Exception as error:
        return [kind], [f"{type(error).__name__}: {error}"[:300]]


def _message(random: Random) -> bytes:
    """One message, or what is nearly one."""
    kind = random.random()
    if kind < 0.2:
        return json.dumps(random.choice(MESSAGES)).encode()
    if kind < 0.65:
        return json.dumps(
            grammar.mutated(random, random.choice(MESSAGES)), ensure_ascii=random.random() < 0.7
        ).encode("utf-8", "surrogatepass")
    if kind < 0.85:
        return grammar.spoilt(random, json.dumps(random.choice(MESSAGES)).encode())
    if kind < 0.95:
        deep = grammar.deep(random).encode()
        return random.choice((b'{"jsonrpc":"2.0","id":7,"result":%b}', b'{"jsonrpc":"2.0","id":%b,"result":{}}', b'{"jsonrpc":"2.0","id":7,"result":{"isError":%b}}', b'{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":%b}}', b'{"jsonrpc":"2.0","id":7,"result":{"isError":true,"content":%b}}', b'{"jsonrpc":"2.0","id":%b,"method":"ping"}', b"%b")) % deep  # fmt: skip
    return random.choice(
        (
            b"",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"\xef\xbb\xbf{}",
            grammar.long_text(random).encode("utf-8", "surrogatepass"),
            b"<html>",
        )
    )


def _events(random: Random) -> bytes:
    """A stream of events, well formed or not."""
    end = random.choice((b"\n", b"\r\n", b"\r"))
    found = b"\xef\xbb\xbf" if random.random() < 0.05 else b""
    for _ in range(random.choice((0, 1, 1, 2, 3, 12))):
        field = random.choice((b"event: message", b"event: endpoint", b"event: x", b"id: 5", b"id: \x00", b"id: " + b"9" * 2_000, b"retry: 10", b"retry: 9" + b"9" * 40, b"retry: x", b": ping", b":", b"data", b"\xff: \xff", b""))  # fmt: skip
        data = random.choice((b"/messages?x=1", b"http://elsewhere/x", b"http://[", *[_message(random)] * 3))
        rows = [b"data: " + row for row in _rows(random, data)]
        found += field + end + end.join(rows) + end + random.choice((end, end, end, b""))
    return grammar.spoilt(random, found) if random.random() < 0.2 else found


def _rows(random: Random, data: bytes) -> list[bytes]:
    """One line, or several that join to the same JSON."""
    if random.random() < 0.5:
        with contextlib.suppress(ValueError, RecursionError):
            data = json.dumps(json.loads(data), indent=1).encode()
            return data.split(b"\n")
    return [data.replace(b"\n", b" ")]


def _typed(random: Random) -> tuple[str, bytes]:
    """A body, and mostly the type that it has."""
    kind, made = random.choice((("application/json", _message), ("text/event-stream", _events)))
    return (kind if random.random() < 0.8 else random.choice(TYPES)), made(random)


def _judged(reply: Reply) -> list[str]:
    """What is wrong with an outcome."""
    found = []
    if reply.outcome not in outcome.ALL:
        found.append(f"an outcome that does not exist: {reply.outcome!r}")
    if not reply.detail.isprintable() or len(reply.detail) > 200:
        found.append(f"a detail that is no line: {reply.detail[:60]!r}")
    if reply.code is not None and not -(2**31) <= reply.code < 2**31:
        found.append(f"a code that fits no row: {reply.code}")
    reply.value(), reply.mapping(), reply.error_data()
    return found


def _differ(one: Reply, other: Reply) -> list[str]:
    """Of the same bytes, in other pieces."""
    if (one.outcome, one.code, one.status) == (other.outcome, other.code, other.status):
        return []
    return [f"{one.outcome} ({one.detail}) in one piece, {other.outcome} ({other.detail}) in many"]


def _exchange(random: Random) -> list[str]:
    status, (kind, body) = random.choice(STATUSES), _typed(random)
    request = random.choice(
        (ASK, ASK, Request("notifications/x", b"", (), None), Request("health", b"", (), None, "GET", b"ok"))
    )
    closed = random.random() < 0.3

    def read(pieces: list[bytes]) -> Exchange:
        exchange = Exchange(request)
        exchange.head(status, kind, random.choice((None, "s")))
        for piece in pieces:
            if exchange.body(piece):
                break
        exchange.end(closed=closed)
        return exchange

    whole, many = read([body]), read(grammar.cut(random, body))
    assert whole.reply is not None
    assert many.reply is not None
    for message in many.asked:
        json.loads(answer(message))
    many.resumption()
    return _judged(many.reply) + _differ(whole.reply, many.reply)


def _stream(random: Random) -> list[str]:
    status, body = random.choice(STATUSES), _events(random)
    kind = "text/event-stream" if random.random() < 0.9 else random.choice(TYPES)
    closed = random.random() < 0.3

    def read(pieces: list[bytes]) -> tuple[Stream, Reply]:
        stream = Stream(URL, lambda: None)
        stream.head(status, kind, None)
        stream.expect(OURS)
        for piece in pieces:
            if stream.body(piece):
                break
        ended = stream.end(closed=closed)
        return stream, stream.taken() or ended

    (_, whole), (stream, many) = read([body]), read(grammar.cut(random, body))
    for message in stream.asked:
        json.loads(answer(message))
    stream.resumption(ASK)
    return _judged(many) + _differ(whole, many)


def _frame(random: Random) -> bytes:
    """One frame, or what is none."""
    kind = random.random()
    payload = _message(random)[:60_000]
    if kind < 0.6:
        return frame(payload, 1, fin=random.random() < 0.9)
    if kind < 0.8:
        return frame(
            payload[:125] if random.random() < 0.8 else payload,
            random.choice((0, 0, 2, 8, 9, 10, 3, 15)),
            fin=random.random() < 0.8,
        )
    if kind < 0.9:
        return random.choice(
            (
                b"\x81\xff",
                b"\x81\x7f" + b"\xff" * 8,
                b"\x81\x7e\x00\x01a",
                b"\xf1\x00",
                b"\x81\x80abcd",
                b"\x88\x01x",
                b"\x88\x02\x03\xff",
                b"",
            )
        )
    return random.randbytes(random.randint(1, 60))


def _frames(random: Random) -> list[str]:
    body = b"".join(_frame(random) for _ in range(random.choice((1, 1, 2, 3, 8))))
    opening = random.random()

    def read(pieces: Callable[[bytes], list[bytes]]) -> Reply:
        frames = Frames("ws://127.0.0.1:1/mcp/ws")
        hello = accepted(frames.hello())
        if opening < 0.1:
            hello = grammar.spoilt(Random(int(opening * 1e9)), hello)
        for piece in pieces(hello):
            if frames.reply is None and not frames.opened:
                frames.receive(piece)
        if not frames.opened:
            return frames.ended()
        frames.send(ASK)
        for piece in pieces(body):
            if frames.reply is None:
                frames.receive(piece)
        frames.goodbye()
        return frames.ended()

    whole, many = read(lambda data: [data]), read(lambda data: grammar.cut(random, data))
    # A spoilt opening may be told as cut off or as a breach, as far as it was read.
    return _judged(many) + ([] if opening < 0.1 else _differ(whole, many))


def _response(random: Random) -> bytes:
    """A response over HTTP/1.1: its head, its body, its framing; all of it perhaps wrong."""
    kind, body = _typed(random)
    head = [random.choice((b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK", b"HTTP/1.1 404 no", b"HTTP/1.0 200 OK", b"HTTP/1.1 100 Continue", b"HTTP/1.1 204 no", b"HTTP/2 200", b"ICY 200", b"HTTP/1.1 99999999999 x", b"HTTP/1.1 -1 x"))]  # fmt: skip
    head.append(b"Content-Type: " + kind.encode().replace(b"\x1b", b"\x7f"))
    framing = random.choice(
        ("length", "length", "length", "chunked", "chunked", "both", "neither", "wrong", "twice", "huge")
    )
    if framing in {"length", "both", "twice"}:
        head.append(b"Content-Length: %d" % len(body))
    if framing == "twice":
        head.append(b"Content-Length: 5")
    if framing == "wrong":
        head.append(b"Content-Length: " + random.choice((b"-1", b"x", b"9" * 40, b"0x10", b"5, 6", b"")))
    if framing == "huge":
        head.append(b"X: " + b"x" * random.choice((60_000, 70_000, 200_000)))
    if framing in {"chunked", "both"}:
        head.append(b"Transfer-Encoding: chunked")
        sizes = random.choice((b"%x", b"%X;a=b", b"%x\t", b"0%x"))
        pieces = grammar.cut(random, body)[:50] or [b""]
        body = b"".join(sizes % len(one) + b"\r\n" + one + b"\r\n" for one in pieces if one) + random.choice(
            (b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0", b"")
        )
    head += random.choice(([], [b"Mcp-Session-Id: s"], [b"Retry-After: 9"], [b"Connection: close"], [b"X: a\r\n b"], [b"\x00: y"], [b"A" * 300 + b": b"], [b"Set-Cookie: a"] * 200))  # fmt: skip
    found = b"\r\n".join(head) + b"\r\n\r\n" + body
    if random.random() < 0.1:
        found += found
    return grammar.spoilt(random, found) if random.random() < 0.25 else found


def _http(random: Random) -> list[str]:
    data = _response(random)

    def read(pieces: list[bytes]) -> Reply:
        incoming, exchange = Incoming(), Exchange(ASK)
        incoming.begin(exchange)
        try:
            for piece in pieces:
                incoming.feed(piece)
                if exchange.reply is not None:
                    break
        except httptools.HttpParserError as error:
            return exchange.fail(outcome.HTTP_PROTOCOL, str(error))
        finally:
            incoming.let_go()
        if exchange.reply is not None:
            return exchange.reply
        if incoming.framed or not exchange.got_head:
            return exchange.fail(outcome.TRUNCATED, "closed in the middle of a reply")
        return exchange.end(closed=True)

    whole, many = read([data]), read(grammar.cut(random, data))
    found = _judged(whole) + _judged(many)
    heads, short = KnownHeads(), None
    for _ in range(3):
        short = heads.judge(ASK, data) or short
        heads.learn(data)
    # Whoever reads in one piece may see a breach behind the answer; in many pieces the answer came first.
    breach = outcome.HTTP_PROTOCOL in {whole.outcome, many.outcome}
    if not breach:
        found += _differ(whole, many)
    if short is not None and not breach:
        found += _differ(short, whole)
    return found


def _tools(random: Random) -> list[str]:
    """What `harness discover` shows of a server's tools."""
    told = [grammar.mutated(random, TOOL) for _ in range(random.choice((0, 1, 2, 5)))]
    tools = [one for one in told if isinstance(one, dict) and isinstance(one.get("name"), str)]
    good, _, refused = sort_out(tools)
    found = Discovered(
        "2026-07-28", grammar.text(random), grammar.text(random), random.choice((good, tools)), {}, refused
    )
    shown = lines("\n".join(_lines(URL, found)))
    commands_that_work({tool["name"]: tool for tool in tools}, URL)
    bad = [char for char in shown if char != "\n" and not char.isprintable()]
    return [f"a control character: {bad[0]!r}"] if bad else []


PARTS: Final[dict[str, Callable[[Random], list[str]]]] = {
    "exchange": _exchange,
    "stream": _stream,
    "frames": _frames,
    "http": _http,
    "tools": _tools,
}
