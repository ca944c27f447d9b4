"""A server that means harm: three hundred ways to, a path each, on real sockets, in threads.

    python -m tests.fakes.hostile http://127.0.0.1:ELSEWHERE    prints its own origin, and serves until its input ends

    /NAME           does it to whatever it is asked
    /calls/NAME     opens sessions and lists its tools as it should, and does it to every call of a tool

Behaviours of kind `stdio` are no paths of it, but programs (`hostile_stdio`). What a behaviour names as ELSEWHERE is another origin, which nobody must speak to. What has no end goes on until the client
has gone away, and ends all the same after a gigabyte or half a minute.
"""

import json
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tests.fakes import hostile_stdio
from tests.fakes.hostile_streams import opened, opened_stream
from tests.fakes.wire import Wire, read_request
from tests.fakes.wire_frames import NOTE, Peer, accepted, frame

Kind = Literal["http", "websocket", "sse", "listen", "stdio"]
Act = Callable[[Wire], object]
BYTES_MAX, SECONDS_MAX = 1_000_000_000, 30.0
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EVENTS = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CHUNKED = HEAD + "Transfer-Encoding: chunked\r\n\r\n"
MANY = "[]," * 1_000_000 + "[]"


@dataclass(frozen=True)
class Behaviour:
    """One way; `fine` when calls are answered all the same, and may pass."""

    name: str
    act: Act
    kind: Kind = "http"
    fine: bool = False

    @property
    def path(self) -> str:
        return "/" + self.name.replace(" ", "-")


def forever(start: str, piece: str | bytes, between_s: float = 0.0) -> Act:
    """The piece, over and over again."""
    data = piece if isinstance(piece, bytes) else piece.encode("latin-1")
    data *= 1 if between_s else max(1, 60_000 // len(data))

    def act(wire: Wire) -> None:
        wire.send(start.replace("{id}", str(wire.id)))
        sent, until_s = 0, time.monotonic() + SECONDS_MAX
        while sent < BYTES_MAX and time.monotonic() < until_s:
            wire.send(data)
            sent += len(data)
            time.sleep(between_s)

    return act


def says(text: str | bytes, *, then: Callable[[Wire], object] = Wire.close) -> Act:
    """Exactly this, with the id of the request in place of {id}."""

    def act(wire: Wire) -> None:
        data = text.encode("latin-1") if isinstance(text, str) else text
        wire.send(data.replace(b"{id}", str(wire.id).encode()))
        then(wire)

    return act


def whole(body: str | bytes, status: str = "200 OK", kind: str = "application/json", *more: str) -> Act:
    """A whole response, with the id of the request in place of {id}."""

    def act(wire: Wire) -> None:
        data = (body.encode() if isinstance(body, str) else body).replace(b"{id}", str(wire.id).encode())
        wire.whole(data.replace(b"ELSEWHERE", Elsewhere.elsewhere.encode()), status, kind, *more)

    return act


def result(text: str, *more: str) -> Act:
    return whole('{"jsonrpc":"2.0","id":{id},"result":' + text + "}", "200 OK", "application/json", *more)


def rpc(text: str) -> Act:
    return whole('{"jsonrpc":"2.0",' + text + "}")


def event(text: str) -> Act:
    return says(EVENTS + text)


def trickles(text: str) -> Act:
    """A byte at a time."""

    def act(wire: Wire) -> None:
        for byte in text.replace("{id}", str(wire.id)).encode("latin-1"):
            wire.send(bytes([byte]))
            time.sleep(0.02)

    return act


def bomb(kind: str) -> bytes:
    """Fifty megabytes in fifty kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if kind == "gzip" else 15)
    return packer.compress(b"[" * 50_000_000) + packer.flush()


def called(play: Callable[[Peer, int], object]) -> Act:
    """Answers all that is not a call of a tool, and plays at that."""

    def act(wire: Wire) -> None:
        peer = Peer(wire)
        peer.accept()
        while True:
            message = json.loads(bytes(peer.receive().data))
            if message.get("method") == "tools/call":
                play(peer, message["id"])
                wire.hang()
            elif "id" in message:
                peer.send(frame(json.dumps(opened(message))))

    return act


def opens(play: Callable[[Peer], object]) -> Act:
    return lambda wire: (play(Peer(wire)), wire.hang())


def floods(piece: bytes) -> Callable[[Peer, int], object]:
    return lambda peer, number: forever("", piece.replace(b"{id}", str(number).encode()))(peer.wire)


def stream(play: Callable[[Wire], object], named: str = "/calls{path}") -> Act:
    """Of HTTP+SSE: names its endpoint, and plays on the stream."""

    def act(wire: Wire) -> None:
        path = wire.head.split(b" ", 2)[1].decode()
        wire.send(EVENTS + f"event: endpoint\ndata: {named.format(path=path)}\n\n")
        play(wire)

    return act


GOOD = '{"jsonrpc":"2.0","id":{id},"result":{"content":[]}}'
NOTIFICATION = 'data: {"jsonrpc":"2.0","method":"notifications/x"}\n\n'
HTTP = [
    # Bodies without end, or larger than they should be.
    Behaviour("endless body", forever(HEAD + "\r\n", "x")),
    Behaviour("endless body of spaces", forever(HEAD + "\r\n", " ")),
    Behaviour("endless brackets", forever(HEAD + "\r\n", "[")),
    Behaviour("endless digits", forever(HEAD + '\r\n{"id":', "1")),
    Behaviour("endless text", forever(HEAD + '\r\n{"jsonrpc":"2.0","id":"', "x")),
    Behaviour("endless zeros", forever(HEAD + "\r\n", b"\0")),
    Behaviour("endless chunks", forever(CHUNKED, "fff\r\n" + "x" * 4095 + "\r\n")),
    Behaviour("endless chunks of a byte", forever(CHUNKED, "1\r\nx\r\n")),
    Behaviour("endless body of a length beyond belief", forever(HEAD + "Content-Length: 999999999999\r\n\r\n", "x")),
    Behaviour("endless refusal", forever("HTTP/1.1 500 No\r\n\r\n", "x")),
    Behaviour("endless acceptance", forever("HTTP/1.1 202 Accepted\r\n\r\n", "x")),
    Behaviour("endless not found", forever("HTTP/1.1 404 No\r\n\r\n", "x")),
    Behaviour("answer of fifteen megabytes", result('{"x":"' + "x" * 15_000_000 + '"}'), fine=True),
    Behaviour("answer of seventeen megabytes", result('{"x":"' + "x" * 17_000_000 + '"}')),
    Behaviour("a million lists", result('{"x":[' + MANY + "]}"), fine=True),
    Behaviour("a million lists for an error", result('{"isError":true,"content":[' + MANY + "]}")),
    Behaviour("a million lists for a flag", result('{"isError":[' + MANY + "]}"), fine=True),
    Behaviour("a million lists for an id", rpc('"result":{},"id":[' + MANY + "]")),
    Behaviour("a million lists for a message", rpc('"id":{id},"error":{"code":1,"message":[' + MANY + "]}")),
    Behaviour("a million lists in the data of an error", rpc('"id":{id},"error":{"code":-32022,"data":[' + MANY + "]}")),
    Behaviour("a message of ten megabytes", rpc('"id":{id},"error":{"code":1,"message":"' + "x" * 10_000_000 + '"}')),
    *(Behaviour(f"{kind} bomb", whole(bomb(kind), "200 OK", "application/json", f"Content-Encoding: {kind}"))
      for kind in ("gzip", "deflate")),
    Behaviour("brotli that is none", whole("xx", "200 OK", "application/json", "Content-Encoding: br")),
    Behaviour("an encoding nobody knows", whole("xx", "200 OK", "application/json", "Content-Encoding: x")),
    Behaviour("transfer encoding gzip", says(HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")),
    # Heads.
    Behaviour("endless headers", forever(HEAD, "X-Y: " + "x" * 100 + "\r\n")),
    Behaviour("endless empty headers", forever(HEAD, "X:\r\n")),
    Behaviour("endless header", forever(HEAD + "X: ", "x")),
    Behaviour("endless name of a header", forever(HEAD, "x")),
    Behaviour("endless status line", forever("HTTP/1.1 200 ", "x")),
    Behaviour("endless version", forever("HTTP/", "1")),
    Behaviour("endless continue", forever("", "HTTP/1.1 100 Continue\r\n\r\n")),
    Behaviour("endless hints", forever("", "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")),
    Behaviour("endless cookies", forever(HEAD, "Set-Cookie: a=b; Domain=.test\r\n")),
    Behaviour("endless session id", forever(HEAD + "Mcp-Session-Id: ", "x")),
    Behaviour("endless empty lines", forever("", "\r\n")),
    Behaviour("endless chunk size", forever(CHUNKED, "0")),
    Behaviour("endless chunk extension", forever(CHUNKED + "1;", "x")),
    Behaviour("endless trailers", forever(CHUNKED + "0\r\n", "X: y\r\n")),
    Behaviour("folded header", says(HEAD + "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}")),
    Behaviour("header without a colon", says(HEAD + "nonsense\r\nContent-Length: 2\r\n\r\n{}")),
    Behaviour("header with a space before its colon", says(HEAD + "Content-Length : 2\r\n\r\n{}")),
    Behaviour("header with a zero", says(HEAD + "X: a\0b\r\nContent-Length: 2\r\n\r\n{}")),
    Behaviour("two lengths", says(HEAD + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")),
    Behaviour("length and chunks", says(HEAD + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    Behaviour("negative length", says(HEAD + "Content-Length: -1\r\n\r\n{}")),
    Behaviour("length in words", says(HEAD + "Content-Length: two\r\n\r\n{}")),
    Behaviour("length that overflows", says(HEAD + f"Content-Length: {2**64}\r\n\r\n{{}}")),
    Behaviour("bare line feeds", says(HEAD.replace("\r", "") + "Content-Length: 2\n\n{}")),
    Behaviour("chunk size that overflows", says(CHUNKED + "ffffffffffffffffff\r\n{}")),
    Behaviour("negative chunk size", says(CHUNKED + "-1\r\n{}\r\n")),
    Behaviour("chunk without its end", says(CHUNKED + "2\r\n{}0\r\n\r\n")),
    *(Behaviour(f"version {version}", says(f"HTTP/{version} 200 OK\r\nContent-Length: 2\r\n\r\n{{}}"))
      for version in ("0.9", "2.0", "3", "9.9")),
    *(Behaviour(f"status {status}", says(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}"))
      for status in ("0", "99", "1000", "-1", "abc", "", "200")),
    Behaviour("another protocol", says("SSH-2.0-OpenSSH_9.6\r\n")),
    Behaviour("nothing but noise", says(bytes(range(256)) * 40)),
    Behaviour("a terminal's escapes", whole("\x1b]0;x\x07\x1b[2J::error::x", "500 \x1b[31mNo", "text/\x1b[2J")),
    Behaviour("goes away", says("")),
    Behaviour("resets", Wire.reset),
    Behaviour("goes away in the head", says("HTTP/1.1 200 O")),
    Behaviour("goes away in the body", says(HEAD + "Content-Length: 100\r\n\r\n{")),
    Behaviour("goes away in a chunk", says(CHUNKED + "ff\r\n{")),
    Behaviour("an upgrade nobody asked for", says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nxxx")),
    Behaviour("no content with content", says("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}")),
    Behaviour("a second answer", says((HEAD + "Content-Length: 2\r\n\r\n{}") * 2)),
    Behaviour("a thousand answers", says((HEAD + "Content-Length: 2\r\n\r\n{}") * 1_000)),
    # Slow.
    Behaviour("never answers", Wire.hang),
    Behaviour("head a byte at a time", trickles(HEAD + "X: " + "x" * 1_000)),
    Behaviour("body a byte at a time", trickles(HEAD + "Content-Length: 900\r\n\r\n" + "x" * 900)),
    Behaviour("head and nothing more", says(HEAD + "Content-Length: 9\r\n\r\n", then=Wire.hang)),
    Behaviour("chunk and nothing more", says(CHUNKED + "2\r\n{}\r\n", then=Wire.hang)),
    Behaviour("comments for ever", forever(EVENTS, ":\n", 0.05)),
    # Streams of events.
    Behaviour("endless event", forever(EVENTS + "data: ", "x")),
    Behaviour("endless lines", forever(EVENTS, "data: x\n")),
    Behaviour("endless lines of nothing", forever(EVENTS, "data:\n")),
    Behaviour("endless comments", forever(EVENTS, ":\n")),
    Behaviour("endless comment", forever(EVENTS + ":", "x")),
    Behaviour("endless name of an event", forever(EVENTS + "event: ", "x")),
    Behaviour("endless names of events", forever(EVENTS, "event: x\n")),
    Behaviour("endless id", forever(EVENTS + "id: ", "x")),
    Behaviour("endless ids", forever(EVENTS, "id: 1\n")),
    Behaviour("endless retries", forever(EVENTS, "retry: 999999999999\n")),
    Behaviour("endless blank lines", forever(EVENTS, "\n")),
    Behaviour("endless carriage returns", forever(EVENTS, "\r")),
    Behaviour("endless marks", forever(EVENTS, "\xef\xbb\xbf")),
    Behaviour("endless notifications", forever(EVENTS, NOTIFICATION)),
    Behaviour("endless questions", forever(EVENTS, 'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n')),
    Behaviour("endless events of another name", forever(EVENTS, "event: x\ndata: x\n\n")),
    Behaviour("endless answers to others", forever(EVENTS, f"data: {GOOD}\n\n".replace("{id}", "987654"))),
    Behaviour("floods after its answer", forever(EVENTS + 'data: {"jsonrpc":"2.0","id":{id},"result":{}}\n\n', "x"), fine=True),
    Behaviour("asks to come back for ever", event("id: 1\nretry: 1\ndata:\n\n")),
    Behaviour("asks to come back in a year", event("id: 1\nretry: 999999999\ndata:\n\n")),
    Behaviour("asks to come back with a header in its id", event("id: 1\r X: y\nretry: 1\ndata:\n\n")),
    Behaviour("stream of nothing", event("")),
    Behaviour("event that is cut", event("data: {")),
    # JSON-RPC.
    Behaviour("no json", whole("{")),
    Behaviour("empty", whole("")),
    Behaviour("html", whole("<script>alert(1)</script>", "200 OK", "text/html")),
    Behaviour("utf-16", whole(GOOD.encode("utf-16"))),
    Behaviour("not utf-8", says(HEAD.encode() + b'\r\n{"jsonrpc":"2.0","id":{id},"result":"\xff"}')),
    Behaviour("half a surrogate", result('"\\ud800"'), fine=True),
    Behaviour("deep brackets", result("[" * 100_000 + "]" * 100_000)),
    Behaviour("deep objects", result('{"a":' * 100_000 + "1" + "}" * 100_000)),
    Behaviour("deep id", rpc('"result":{},"id":' + "[" * 900 + "]" * 900)),
    Behaviour("a number of five thousand digits", rpc('"result":{},"id":' + "9" * 5_000)),
    Behaviour("a number beyond numbers", rpc('"result":{},"id":1e999')),
    *(Behaviour(f"id {name}", rpc(f'"result":{{}},"id":{text}')) for name, text in {
        "null": "null", "true": "true", "as text": '"1"', "of another": "99999", "negative": "-1", "a half": "0.5",
        "a list": "[1]", "an object": "{}", "empty": '""'}.items()),
    Behaviour("no id", rpc('"result":{}')),
    Behaviour("no version", whole('{"id":{id},"result":{}}')),
    Behaviour("another version", whole('{"jsonrpc":"1.0","id":{id},"result":{}}')),
    Behaviour("neither result nor error", rpc('"id":{id}')),
    Behaviour("a question for an answer", rpc('"id":{id},"method":"sampling/createMessage"')),
    Behaviour("a notification for an answer", rpc('"method":"x"')),
    Behaviour("a batch", whole("[" + GOOD + "]")),
    Behaviour("a text for an answer", whole('"x"')),
    Behaviour("error without a code", rpc('"id":{id},"error":{}')),
    Behaviour("error as text", rpc('"id":{id},"error":"x"')),
    Behaviour("error with a code as text", rpc('"id":{id},"error":{"code":"1"}')),
    Behaviour("error with a code beyond rows", rpc('"id":{id},"error":{"code":99999999999999}')),
    Behaviour("error with escapes", rpc('"id":{id},"error":{"code":1,"message":"\\u001b[2J::error::\\r\\n"}')),
    Behaviour("asks for input for ever", result('{"resultType":"input_required","inputRequests":{"a":{"method":"x"}}}')),
    # Other origins, and who we are.
    *(Behaviour(f"redirect {status}", whole("", f"{status} Go", "", "Location: ELSEWHERE/mcp"))
      for status in (301, 302, 303, 307, 308)),
    Behaviour("redirect to itself", whole("", "307 Go", "", "Location: /redirect-to-itself")),
    Behaviour("redirect to a file", whole("", "302 Go", "", "Location: file:///etc/passwd")),
    Behaviour("refresh", whole("{}", "200 OK", "text/html", "Refresh: 0; url=ELSEWHERE")),
    Behaviour("alternative service", whole("{}", "200 OK", "application/json", 'Alt-Svc: h2="ELSEWHERE"')),
    Behaviour("asks for a password", whole("", "401 No", "", 'WWW-Authenticate: Basic realm="x"')),
    Behaviour("authorisation elsewhere", whole("", "401 No", "", 'WWW-Authenticate: Bearer resource_metadata="ELSEWHERE/x"')),
    Behaviour("a proxy's password", whole("", "407 No", "", 'Proxy-Authenticate: Basic realm="x"')),
    *(Behaviour(f"refuses with {status}", whole("no", f"{status} No", "text/plain"))
      for status in (400, 402, 403, 404, 405, 410, 413, 426, 431, 500, 502, 503, 504, 599)),
    *(Behaviour(f"come back {name}", whole("", "429 Slow", "", f"Retry-After: {after}")) for name, after in {
        "in an age": "99999999999", "before": "-5", "at a date": "Fri, 31 Dec 9999 23:59:59 GMT", "never": "x", "in digits": "9" * 5_000}.items()),
    Behaviour("session that is lost", whole("", "404 No", "")),
    Behaviour("session that is not told", whole('{"error":"session"}', "400 No")),
]  # fmt: skip


def session_with(initialize: str = "", tools: str = "", *more: str) -> Act:
    """A server whose opening is hostile, and whose calls are well."""

    def act(wire: Wire) -> None:
        message = json.loads(wire.body or b"{}")
        method = message.get("method")
        if method == "initialize" and initialize:
            result(initialize, *more)(wire)
        elif method == "tools/list" and tools:
            result(tools)(wire)
        elif "id" not in message:
            wire.whole("", "202 Accepted", "")
        else:
            wire.whole(json.dumps(opened(message)), "200 OK", "application/json", *more)

    return act


def pages_forever(wire: Wire) -> None:
    session_with(tools=f'{{"tools":[{{"name":"x"}}],"nextCursor":"{time.monotonic_ns()}"}}')(wire)


AGREED = '{"protocolVersion":"2025-11-25","serverInfo":'
SESSIONS = [
    Behaviour("no version to agree on", session_with("{}")),
    Behaviour("a version from the future", session_with('{"protocolVersion":"2999-01-01"}')),
    Behaviour("a version that is a list", session_with('{"protocolVersion":[]}')),
    Behaviour("a name of a megabyte", session_with(AGREED + '{"name":"' + "x" * 900_000 + '"}}'), fine=True),
    Behaviour("a name with escapes", session_with(AGREED + '{"name":"\\u001b]0;x\\u0007\\n::error::x","version":{}}}'), fine=True),
    Behaviour("a name that is a list", session_with(AGREED + "[[[]]]}"), fine=True),
    Behaviour("a million lists for capabilities", session_with(AGREED + '{},"capabilities":[' + MANY + "]}")),
    Behaviour("session id of 60 KB", session_with("", "", "Mcp-Session-Id: " + "x" * 60_000), fine=True),
    Behaviour("session id with a tab", session_with("", "", "Mcp-Session-Id: a\tb"), fine=True),
    Behaviour("session id that is not ASCII", session_with("", "", "Mcp-Session-Id: \xff\xfe"), fine=True),
    Behaviour("two session ids", session_with("", "", "Mcp-Session-Id: a", "Mcp-Session-Id: b"), fine=True),
    Behaviour("tools that are none", session_with(tools='{"tools":5}')),
    Behaviour("tools of every shape", session_with(tools='{"tools":[1,null,[],{},{"name":1},{"name":"x","inputSchema":[]},{"name":"","inputSchema":{"properties":3}}]}'), fine=True),
    Behaviour("a tool with escapes", session_with(tools='{"tools":[{"name":"\\u001b[2J\\n::error::","description":"\\u001b[2J"},{"name":"x"}]}'), fine=True),
    Behaviour("a tool of ten megabytes", session_with(tools='{"tools":[{"name":"x","description":"' + "x" * 10_000_000 + '"}]}'), fine=True),
    Behaviour("a schema without a bottom", session_with(tools='{"tools":[{"name":"x","inputSchema":' + '{"properties":{"a":' * 5_000 + "{}" + "}}" * 5_000 + "}]}")),
    Behaviour("a schema that is itself", session_with(tools='{"tools":[{"name":"x","inputSchema":{"$ref":"#"}}]}'), fine=True),
    Behaviour("a schema elsewhere", session_with(tools='{"tools":[{"name":"x","inputSchema":{"$ref":"ELSEWHERE/schema"}}]}'), fine=True),
    Behaviour("twenty thousand tools", session_with(tools='{"tools":[' + ",".join(['{"name":"x"}'] * 20_000) + "]}")),
    Behaviour("pages in circles", session_with(tools='{"tools":[{"name":"x"}],"nextCursor":"a"}')),
    Behaviour("pages without end", pages_forever, fine=True),
    Behaviour("a cursor that is an object", session_with(tools='{"tools":[{"name":"x"}],"nextCursor":{"a":1}}')),
]  # fmt: skip


def listened(play: Act) -> Act:
    """All is well, but for the stream of what the server says outside of calls (GET)."""
    return lambda wire: play(wire) if wire.head.startswith(b"GET ") else session_with()(wire)


LISTENED = [Behaviour("listening " + name, listened(act), "listen", fine=True) for name, act in [
    ("to an endless event", forever(EVENTS + "data: ", "x")),
    ("to endless lines", forever(EVENTS, "data:\n")),
    ("to endless comments", forever(EVENTS, ":\n")),
    ("to endless notifications", forever(EVENTS, NOTIFICATION)),
    ("to endless questions", forever(EVENTS, 'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n')),
    ("to an endless id", forever(EVENTS + "id: ", "x")),
    ("to endless headers", forever(EVENTS[:-2], "X-Y: " + "x" * 100 + "\r\n")),
    ("to an endless refusal", forever("HTTP/1.1 500 No\r\n\r\n", "x")),
    ("to what resets", Wire.reset),
    ("to what ends at once and asks to come back", event("id: 1\nretry: 0\ndata: {}\n\n")),
    ("to nothing", Wire.hang),
    ("to a redirect", whole("", "307 Go", "", "Location: ELSEWHERE/mcp")),
]]  # fmt: skip
SOCKETS = [Behaviour("ws " + name, act, "websocket", fine) for name, act, fine in [
    ("endless fragments", called(lambda p, n: (p.send(frame("[", fin=False)), floods(frame("1" * 60_000, 0, fin=False))(p, n))), False),
    ("endless small fragments", called(lambda p, n: (p.send(frame("[", fin=False)), floods(frame("11", 0, fin=False))(p, n))), False),
    ("endless empty fragments", called(lambda p, n: (p.send(frame("[", fin=False)), floods(frame("", 0, fin=False))(p, n))), False),
    ("endless pings", called(floods(frame("x" * 100, 9))), False),
    ("endless empty pings", called(floods(frame("", 9))), False),
    ("endless pongs", called(floods(frame("", 10))), False),
    ("endless empty frames", called(floods(frame(""))), False),
    ("endless notifications", called(floods(NOTE)), False),
    ("endless questions", called(floods(frame('{"jsonrpc":"2.0","id":1,"method":"ping"}'))), False),
    ("endless answers to others", called(floods(frame('{"jsonrpc":"2.0","id":987654,"result":{}}'))), False),
    ("endless frame", called(lambda p, n: (p.send(b"\x81\x7f" + struct.pack("!Q", 15_900_000)), floods(b"x")(p, n))), False),
    ("a frame of 17 MB", called(lambda p, n: p.send(b"\x81\x7f" + struct.pack("!Q", 17_000_000))), False),
    ("a frame beyond belief", called(lambda p, n: p.send(b"\x81\x7f" + struct.pack("!Q", 2**63 - 1))), False),
    ("a negative frame", called(lambda p, n: p.send(b"\x81\x7f" + struct.pack("!Q", 2**64 - 1))), False),
    ("a masked frame", called(lambda p, n: p.send(b"\x81\x82xxxx{}")), False),
    ("reserved bits", called(lambda p, n: p.send(b"\xf1\x02{}")), False),
    ("a frame of an unknown kind", called(lambda p, n: p.send(b"\x83\x02{}")), False),
    ("a ping of 200 bytes", called(lambda p, n: p.send(frame("x" * 200, 9))), False),
    ("a ping in pieces", called(lambda p, n: p.send(frame("x", 9, fin=False))), False),
    ("a continuation of nothing", called(lambda p, n: p.send(frame("x", 0))), False),
    ("a message inside another", called(lambda p, n: p.send(frame("[", fin=False), frame("{}"))), False),
    ("a binary message", called(lambda p, n: p.send(frame(b"{}", 2))), False),
    ("not utf-8", called(lambda p, n: p.send(frame(b"\xff"))), False),
    ("deep brackets", called(lambda p, n: p.send(frame("[" * 60_000))), False),
    ("half a frame", called(lambda p, n: p.send(p.answer(n)[:-9])), False),
    ("half a frame and goodbye", called(lambda p, n: (p.send(p.answer(n)[:-9]), p.wire.close())), False),
    ("a close of one byte", called(lambda p, n: p.send(frame(b"\x03", 8))), False),
    ("a close with a code that is none", called(lambda p, n: p.send(frame(b"\x00\x00", 8))), False),
    ("a close with noise", called(lambda p, n: p.send(frame(b"\x03\xe8\xff\xff", 8))), False),
    ("goes away", called(lambda p, n: p.wire.close()), False),
    ("resets", called(lambda p, n: p.wire.reset()), False),
    ("the id as text", called(lambda p, n: p.send(p.answer(f'"{n}"'))), False),
    ("another id", called(lambda p, n: p.send(p.answer(n + 7))), False),
    ("never answers", called(lambda p, n: None), False),
    ("never accepts", Wire.hang, False),
    ("wrong key", opens(lambda p: p.accept(key="AAAA")), False),
    ("another subprotocol", opens(lambda p: p.accept(protocol="x")), False),
    ("an extension nobody asked for", says(accepted(b"").replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")), False),
    ("endless headers", forever("HTTP/1.1 101 Switching Protocols\r\n", "X: y\r\n"), False),
    ("endless header", forever("HTTP/1.1 101 Switching Protocols\r\nX: ", "x"), False),
    ("endless refusal", forever("HTTP/1.1 500 No\r\n\r\n", "x"), False),
    ("redirect", whole("", "302 Go", "", "Location: ELSEWHERE"), False),
    ("not a websocket", whole("{}"), False),
    ("another protocol", says("SSH-2.0-x\r\n"), False),
]]  # fmt: skip
STREAMS = [Behaviour("sse " + name, act, "sse") for name, act in [
    ("endpoint elsewhere", stream(Wire.hang, "ELSEWHERE/post")),
    ("endpoint elsewhere without a scheme", stream(Wire.hang, "//ELSEWHERE-HOST/post")),
    ("endpoint with a user", stream(Wire.hang, "http://user@ELSEWHERE-HOST/post")),
    ("endpoint that is a script", stream(Wire.hang, "javascript:alert(1)")),
    ("endpoint that is a file", stream(Wire.hang, "file:///etc/passwd")),
    ("endpoint of ten thousand letters", stream(Wire.hang, "/" + "x" * 10_000)),
    ("endless endpoint", forever(EVENTS + "event: endpoint\ndata: /", "x")),
    ("endless endpoints", forever(EVENTS, "event: endpoint\ndata: /x\n\n")),
    ("no endpoint", event(":\n\n")),
    ("no endpoint for ever", says(EVENTS, then=Wire.hang)),
    ("endless comments", stream(forever("", ":\n"))),
    ("endless event", stream(forever("data: ", "x"))),
    ("endless lines", stream(forever("", "data:\n"))),
    ("endless notifications", stream(forever("", NOTIFICATION))),
    ("endless questions", stream(forever("", 'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n'))),
    ("never answers", stream(Wire.hang)),
    ("goes away", stream(Wire.close)),
    ("resets", stream(Wire.reset)),
    ("another kind", whole("{}")),
    ("endless refusal", forever("HTTP/1.1 500 No\r\n\r\n", "x")),
    ("redirect", whole("", "302 Go", "", "Location: ELSEWHERE")),
    ("asks for input", stream(says('data: {"jsonrpc":"2.0","id":1,"method":"elicitation/create"}\n\n', then=Wire.hang))),
]]  # fmt: skip
OPENED = [Behaviour("sse then " + name, act, "sse", fine) for name, act, fine in [
    ("an endless event", opened_stream(forever("data: ", "x")), False),
    ("an endless event of brackets", opened_stream(forever("data: ", "[")), False),
    ("endless lines", opened_stream(forever("", "data: x\n")), False),
    ("endless lines of nothing", opened_stream(forever("", "data:\n")), False),
    ("an endless line", opened_stream(forever("", "x")), False),
    ("endless carriage returns", opened_stream(forever("", "\r")), False),
    ("endless comments", opened_stream(forever("", ":\n")), False),
    ("an endless comment", opened_stream(forever(":", "x")), False),
    ("an endless name of an event", opened_stream(forever("event: ", "x")), False),
    ("an endless id", opened_stream(forever("id: ", "x")), False),
    ("endless ids", opened_stream(forever("", "id: 1\n")), False),
    ("endless retries", opened_stream(forever("", "retry: 999999999999\n")), False),
    ("endless endpoints", opened_stream(forever("", "event: endpoint\ndata: /x\n\n")), False),
    ("endless notifications", opened_stream(forever("", NOTIFICATION)), False),
    ("endless questions", opened_stream(forever("", 'data: {"jsonrpc":"2.0","id":1,"method":"ping"}\n\n')), False),
    ("endless answers to others", opened_stream(forever("", f"data: {GOOD}\n\n".replace("{id}", "987654"))), False),
    ("endless noise", opened_stream(forever("", bytes(range(256)))), False),
    ("an answer of fifteen megabytes", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":"' + "x" * 15_000_000 + '"}\n\n', then=lambda wire: None)), True),
    ("an answer of seventeen megabytes", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":"' + "x" * 17_000_000 + '"}\n\n')), False),
    ("a million lists", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":{"x":[' + MANY + "]}}\n\n", then=lambda wire: None)), True),
    ("a million lists for an error", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":{"isError":true,"content":[' + MANY + "]}}\n\n")), False),
    ("deep brackets", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":' + "[" * 100_000 + "]" * 100_000 + "}\n\n")), False),
    ("an answer, and floods", opened_stream(forever(f"data: {GOOD}\n\n", "x")), True),
    ("a half event", opened_stream(says('data: {"jsonrpc"')), False),
    ("an event without its blank line", opened_stream(says(f"data: {GOOD}\n", then=Wire.hang)), False),
    ("another id", opened_stream(says("data: " + GOOD.replace("{id}", "987654") + "\n\n", then=Wire.hang)), False),
    ("no json", opened_stream(says("data: {\n\n", then=Wire.hang)), False),
    ("nothing", opened_stream(Wire.hang), False),
    ("the end", opened_stream(Wire.close), False),
    ("a reset", opened_stream(Wire.reset), False),
    ("a question for input", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"result":{"resultType":"input_required","inputRequests":{"a":{"method":"x"}}}}\n\n', then=lambda wire: None)), False),
    ("escapes", opened_stream(says('data: {"jsonrpc":"2.0","id":{id},"error":{"code":1,"message":"\\u001b[2J::error::\\r\\n"}}\n\n', then=lambda wire: None)), False),
    ("endless acceptance of the post", opened_stream(Wire.hang, posts=forever("HTTP/1.1 202 Accepted\r\n\r\n", "x")), False),
    ("endless headers of the post", opened_stream(Wire.hang, posts=forever("HTTP/1.1 202 Accepted\r\n", "X: y\r\n")), False),
    ("endless refusal of the post", opened_stream(Wire.hang, posts=forever("HTTP/1.1 500 No\r\n\r\n", "x")), False),
    ("endless events for the post", opened_stream(Wire.hang, posts=forever(EVENTS + "data: ", "x")), False),
    ("a redirect of the post", opened_stream(Wire.hang, posts=whole("", "307 Go", "", "Location: ELSEWHERE/post")), False),
    ("a reset of the post", opened_stream(Wire.hang, posts=Wire.reset), False),
    ("floods after its tools", opened_stream(lambda wire: (wire.send("data: " + json.dumps(opened({"method": "tools/list", "id": wire.id})) + "\n\n"), forever("data: ", "x")(wire)), at="tools/list"), True),
    ("floods after initialize", opened_stream(lambda wire: (wire.send("data: " + json.dumps(opened({"method": "initialize", "id": wire.id})) + "\n\n"), forever("", NOTIFICATION)(wire)), at="initialize"), False),
]]  # fmt: skip
PROCESSES = [
    Behaviour("stdio " + name, Wire.hang, "stdio", name in hostile_stdio.FINE) for name in hostile_stdio.NAMES
]
BEHAVIOURS = [*HTTP, *SESSIONS, *LISTENED, *SOCKETS, *STREAMS, *OPENED, *PROCESSES]
BY_PATH = {one.path: one for one in BEHAVIOURS}


class Elsewhere(Wire):
    """What is sent names the other origin."""

    elsewhere = ""

    def send(self, data: bytes | str) -> None:
        text = data if isinstance(data, bytes) else data.encode("latin-1")
        host = self.elsewhere.removeprefix("http://")
        self.sock.sendall(
            text.replace(b"ELSEWHERE-HOST", host.encode()).replace(b"ELSEWHERE", self.elsewhere.encode())
        )


def below(path: str) -> Behaviour:
    """What is done at this path, or at what it is below of; elsewhere there is nothing."""
    while path and path not in BY_PATH:
        path = path.rpartition("/")[0]
    return BY_PATH.get(path) or Behaviour("nothing there", whole("", "404 Not Found"))


def serve(sock: socket.socket) -> None:
    """One connection, to its end."""
    try:
        while request := read_request(sock):
            wire = Elsewhere(sock, *request, answers=[])
            path = wire.head.split(b" ", 2)[1].decode()
            method = json.loads(wire.body or b"{}").get("method")
            if path.startswith("/calls/") and method != "tools/call":
                session_with()(wire)
            else:
                below(path.removeprefix("/calls")).act(wire)
    except (OSError, ValueError):
        sock.close()


def main() -> None:
    Elsewhere.elsewhere = sys.argv[1]
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201

    def accept() -> None:
        while True:
            sock, _ = listener.accept()
            sock.settimeout(SECONDS_MAX)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
