"""A server that speaks HTTP wrongly in every way we know: a path a fault, on real sockets, in threads.

`CASES` says what each path does and which outcome any client of ours must call it. What is right on the wire is in
there too, in the odder forms that servers send it. Waiting is bounded; nothing here sleeps.
"""

import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WAIT_S = 20
RESULT = '{"content":[{"type":"text","text":"hi"}]}'


class Wire:
    """The server's end of a connection, with the request that came."""

    def __init__(self, sock: socket.socket, head: bytes, body: bytes, answers: list[bytes]) -> None:
        self.sock, self.head, self.body = sock, head, body
        self.answers = answers  # what was posted with a result or an error, on any connection
        try:
            self.id = json.loads(body)["id"]
        except (ValueError, KeyError, TypeError):
            self.id = None

    def send(self, data: bytes | str) -> None:
        self.sock.sendall(data if isinstance(data, bytes) else data.encode())

    def head_of(self, status: str = "200 OK", kind: str = "application/json", *more: str) -> None:
        lines = [f"HTTP/1.1 {status}", *([f"Content-Type: {kind}"] if kind else []), *more]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def whole(
        self, body: bytes | str, status: str = "200 OK", kind: str = "application/json", *more: str
    ) -> None:
        data = body if isinstance(body, bytes) else body.encode()
        self.head_of(status, kind, f"Content-Length: {len(data)}", *more)
        self.send(data)

    def stream(self, *chunks: str, end: bool = True) -> None:
        self.head_of("200 OK", "text/event-stream", "Transfer-Encoding: chunked")
        for chunk in chunks:
            self.send(f"{len(chunk):x}\r\n{chunk}\r\n")
        if end:
            self.send("0\r\n\r\n")

    def answer(self, result: str = RESULT) -> str:
        return f'{{"jsonrpc":"2.0","id":{self.id},"result":{result}}}'

    def error(self, code: int = -32601, number: object = ...) -> str:
        number = self.id if number is ... else number
        return json.dumps({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": "no"}})

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()

    def hang(self) -> None:
        """Until the client goes away."""
        while self.sock.recv(65536):
            pass
        self.sock.close()

    def wait_for_answer(self) -> None:
        """Until the client has answered, on another connection."""
        deadline = threading.Event()
        for _ in range(WAIT_S * 100):
            if self.answers:
                return
            deadline.wait(0.01)
        raise AssertionError("no answer came")


Act = Callable[[Wire], object]


@dataclass(frozen=True)
class Case:
    """What a path does, and what that is called."""

    name: str
    outcome: str
    act: Act
    session: bool = False  # the request names a session
    detail: str = ""  # in the reply's detail
    code: int | None = None

    @property
    def path(self) -> str:
        return "/" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def event(data: str) -> str:
    return f"event: message\r\ndata: {data}\r\n\r\n"


def in_pieces(wire: Wire) -> None:
    body = wire.answer()
    text = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    for char in text:
        wire.send(char)


def asks_first(wire: Wire) -> None:
    """A ping whose id is ours, and no response before it was answered."""
    ask = f'{{"jsonrpc":"2.0","id":{wire.id},"method":"ping"}}'
    wire.head_of("200 OK", "text/event-stream", "Transfer-Encoding: chunked")
    wire.send(f"{len(event(ask)):x}\r\n{event(ask)}\r\n")
    wire.wait_for_answer()
    last = event(wire.answer())
    wire.send(f"{len(last):x}\r\n{last}\r\n0\r\n\r\n")


def drips(wire: Wire) -> None:
    """Keep-alive comments for ever: something always comes, but never the response."""
    wire.head_of("200 OK", "text/event-stream", "Transfer-Encoding: chunked")
    turn = threading.Event()
    for _ in range(WAIT_S * 50):
        wire.send("8\r\n: ping\r\n\r\n")
        turn.wait(0.02)


def floods(wire: Wire) -> None:
    """The response, and comments behind it as fast as they are taken."""
    wire.stream(event(wire.answer()), end=False)
    for _ in range(1_000_000):
        wire.send(b"2000\r\n:" + b"x" * 8190 + b"\n\r\n")


def endless_headers(wire: Wire) -> None:
    wire.send("HTTP/1.1 200 OK\r\n")
    for number in range(10_000):
        wire.send(f"X-{number}: {'x' * 100}\r\n")


def closes_after(wire: Wire, *said: object) -> None:
    del said
    wire.close()


def polled(wire: Wire, then: Callable[[Wire], object]) -> None:
    """A stream that is closed to be asked again, from the event that it told."""
    if wire.head.startswith(b"POST"):
        wire.stream("id: e-1\nretry: 10\ndata: \n\n")
    else:
        asked = re.search(rb"last-event-id: *(\S+)", wire.head, re.IGNORECASE)
        assert asked, wire.head
        then(wire)


def polls_on(wire: Wire) -> None:
    wire.stream("id: e-2\nretry: 10\ndata: \n\n")


FIRST_ANSWER = f'{{"jsonrpc":"2.0","id":1,"result":{RESULT}}}'  # a GET has no body to take the id from
NOTE = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}'
OK_CASES = [
    Case("json", "ok", lambda w: w.whole(w.answer())),
    Case(
        "json with a charset",
        "ok",
        lambda w: w.whole(w.answer(), "200 OK", "Application/JSON; charset=utf-8"),
    ),
    Case("result before id", "ok", lambda w: w.whole(f'{{"result":{{}},"id":{w.id},"jsonrpc":"2.0"}}')),
    Case("stream", "ok", lambda w: w.stream(event(w.answer()))),
    Case("a byte at a time", "ok", in_pieces),
    Case("priming event", "ok", lambda w: w.stream("id: 3f30\ndata: \n\n", event(w.answer()))),
    Case("notifications first", "ok", lambda w: w.stream(event(NOTE), ": ping\r\n\r\n", event(w.answer()))),
    Case("events of another name", "ok", lambda w: w.stream("event: ping\ndata: now\n\n", event(w.answer()))),
    Case("a request with our id first", "ok", asks_first, session=True),
    Case("closed after the answer", "ok", lambda w: closes_after(w, w.whole(w.answer()))),
    Case("ended by closing", "ok", lambda w: closes_after(w, w.head_of(), w.send(w.answer()))),
    Case("a stream that stays open", "ok", lambda w: (w.stream(event(w.answer()), end=False), w.hang())),
    Case("a stream that floods", "ok", floods),
    Case("100 continue", "ok", lambda w: (w.send("HTTP/1.1 100 Continue\r\n\r\n"), w.whole(w.answer()))),
    Case(
        "bad chunk after the answer",
        "ok",
        lambda w: (w.stream(event(w.answer()), end=False), w.send("zz\r\n")),
    ),
]
TRANSPORT_CASES = [
    Case("reset before", "reset", lambda w: w.reset()),
    Case("closed before", "disconnected", lambda w: w.close()),
    Case("cut in the head", "truncated", lambda w: closes_after(w, w.send("HTTP/1.1 200 OK\r\nContent-Ty"))),
    Case(
        "cut after the head",
        "truncated",
        lambda w: closes_after(w, w.head_of("200 OK", "", "Content-Length: 9")),
    ),
    Case(
        "cut in the body",
        "truncated",
        lambda w: closes_after(w, w.head_of("200 OK", "", "Content-Length: 900"), w.send(w.answer())),
    ),
    Case(
        "cut in a chunk",
        "truncated",
        lambda w: closes_after(w, w.stream(end=False), w.send("fff\r\nevent: mess")),
    ),
    Case(
        "cut in an event",
        "truncated",
        lambda w: closes_after(w, w.stream('event: message\r\ndata: {"js', end=False)),
    ),
    Case(
        "cut in an event that closing ends",
        "truncated",
        lambda w: closes_after(w, w.head_of("200 OK", "text/event-stream"), w.send('data: {"js')),
    ),
    Case("stream ends", "stream_ended", lambda w: w.stream(event(NOTE))),
    Case("empty stream ends", "stream_ended", lambda w: w.stream()),
    Case(
        "stream ended by closing",
        "stream_ended",
        lambda w: closes_after(w, w.head_of("200 OK", "text/event-stream"), w.send(event(NOTE))),
    ),
    Case("hangs before", "timeout", lambda w: w.hang()),
    Case("hangs in the stream", "timeout", lambda w: (w.stream(event(NOTE), end=False), w.hang())),
    Case("hangs in the body", "timeout", lambda w: (w.head_of("200 OK", "", "Content-Length: 9"), w.hang())),
    Case("drips", "timeout", drips),
    Case("garbage", "http_protocol", lambda w: closes_after(w, w.send("SSH-2.0-OpenSSH_9.6\r\n"))),
    Case("bad chunk size", "http_protocol", lambda w: (w.stream(end=False), w.send("zz\r\nhello\r\n"))),
    Case("endless headers", "http_protocol", endless_headers),
]
JUDGED_CASES = [
    *(
        Case(
            f"status {status}",
            "http_status",
            lambda w, status=status: w.whole("no", f"{status} No", "text/plain"),
        )
        for status in (202, 301, 404, 413, 500, 502, 503)
    ),
    *(
        Case(
            f"status {status}",
            "unauthorized",
            lambda w, status=status: w.whole("no", f"{status} No", "text/plain"),
        )
        for status in (401, 403)
    ),
    Case("401 with our id", "unauthorized", lambda w: w.whole(w.error(-32001), "401 No"), code=-32001),
    Case(
        "redirect",
        "http_status",
        lambda w: w.whole("", "307 Temporary Redirect", "", "Location: /json"),
        detail="307",
    ),
    Case(
        "error with id null", "http_status", lambda w: w.whole(w.error(-32600, None), "400 Bad"), code=-32600
    ),
    Case(
        "404 without a session",
        "http_status",
        lambda w: w.whole(w.error(-32600, None), "404 No"),
        code=-32600,
    ),
    Case("rate limited", "rate_limited", lambda w: w.whole(w.error(), "429 Slow", "", "Retry-After: 1")),
    Case(
        "session lost",
        "session_lost",
        lambda w: w.whole(w.error(-32600, None), "404 No"),
        session=True,
        code=-32600,
    ),
    Case(
        "session lost as 400",
        "session_lost",
        lambda w: w.whole(
            '{"jsonrpc":"2.0","error":{"code":-32000,"message":"No valid session ID"}}', "400 Bad"
        ),
        session=True,
        code=-32000,
    ),
    Case("bad json", "bad_body", lambda w: w.whole("{")),
    Case("empty", "bad_body", lambda w: w.whole(""), detail="empty"),
    Case("html", "bad_body", lambda w: w.whole("<html>", "200 OK", "text/html"), detail="text/html"),
    Case("a batch", "bad_body", lambda w: w.whole(f"[{w.answer()}]")),
    Case("not json-rpc", "bad_body", lambda w: w.whole('{"hello":"world"}')),
    Case("not utf-8", "bad_body", lambda w: w.whole(w.answer('"\xff"').encode("latin-1"))),
    Case("neither result nor error", "bad_body", lambda w: w.whole(f'{{"jsonrpc":"2.0","id":{w.id}}}')),
    Case("bad json in an event", "bad_body", lambda w: w.stream(event("{"))),
    Case(
        "a request as the answer",
        "bad_body",
        lambda w: w.whole(f'{{"jsonrpc":"2.0","id":{w.id},"method":"x"}}'),
    ),
    Case("another id", "id_mismatch", lambda w: w.whole('{"jsonrpc":"2.0","id":99999,"result":{}}')),
    Case(
        "another id in a stream",
        "id_mismatch",
        lambda w: w.stream(event('{"jsonrpc":"2.0","id":99999,"result":{}}')),
    ),
    Case(
        "the id as text", "id_mismatch", lambda w: w.whole(f'{{"jsonrpc":"2.0","id":"{w.id}","result":{{}}}}')
    ),
    Case("id null", "id_mismatch", lambda w: w.whole(w.error(-32700, None))),
    Case("rpc error", "rpc_error", lambda w: w.whole(w.error(-32602)), code=-32602),
    Case("rpc error in a stream", "rpc_error", lambda w: w.stream(event(w.error(-32603))), code=-32603),
    Case("404 with our id", "rpc_error", lambda w: w.whole(w.error(), "404 No"), code=-32601),
    Case("tool error", "tool_error", lambda w: w.whole(w.answer('{"isError":true,"content":[]}'))),
    Case("input required", "input_required", lambda w: w.whole(w.answer('{"resultType":"input_required"}'))),
    *(
        Case(
            f"rejected {-code}", "rejected", lambda w, code=code: w.whole(w.error(code), "400 Bad"), code=code
        )
        for code in (-32020, -32021, -32022)
    ),
]
POLLED_CASES = [
    Case("polled", "ok", lambda w: polled(w, lambda w: w.stream(event(FIRST_ANSWER))), session=True),
    Case(
        "polled and answered with an error",
        "rpc_error",
        lambda w: polled(
            w, lambda w: w.stream(event(FIRST_ANSWER.replace(f'"result":{RESULT}', '"error":{"code":-5}')))
        ),
        session=True,
        code=-5,
    ),
    Case("polled in vain", "timeout", lambda w: polled(w, polls_on), session=True),
    Case(
        "polled where there is no get",
        "stream_ended",
        lambda w: polled(w, lambda w: w.whole("", "405 No")),
        session=True,
    ),
    Case(
        "polled when the session is gone",
        "session_lost",
        lambda w: polled(w, lambda w: w.whole("", "404 No")),
        session=True,
    ),
    Case(
        "polled and cut",
        "truncated",
        lambda w: polled(w, lambda w: closes_after(w, w.stream(end=False))),
        session=True,
    ),
    Case(
        "polled without a session",
        "stream_ended",
        lambda w: polled(w, lambda w: w.stream(event(FIRST_ANSWER))),
    ),
]
CASES = [*OK_CASES, *TRANSPORT_CASES, *JUDGED_CASES, *POLLED_CASES]
BY_PATH = {case.path: case for case in CASES}


class WireServer:
    """Accepts, reads a request, does what its path says; a thread a connection.

    With `?every=4` only requests whose id is divisible by four meet that, and others a usual answer in one piece;
    with `?streamed=4` that is a stream of one event.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self.heads: list[bytes] = []
        self.answers: list[bytes] = []
        self._open: list[socket.socket] = []

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # head and body are sent apart
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for sock in self._open:
            sock.close()

    def _serve(self, sock: socket.socket) -> None:
        try:
            while request := read_request(sock):
                self._act(sock, *request)
        except OSError:
            sock.close()

    def _act(self, sock: socket.socket, head: bytes, body: bytes) -> None:
        self.heads.append(head)
        path, _, asked = head.split(b" ", 2)[1].decode().partition("?")
        usual, _, every = asked.partition("=")
        wire = Wire(sock, head, body, self.answers)
        if usual in {"every", "streamed"} and wire.id is not None and wire.id % int(every):
            wire.send(in_one_piece(wire.answer(), streamed=usual == "streamed"))
        elif body and b'"method"' not in body:
            self.answers.append(body)
            wire.whole("", "202 Accepted", "")
        else:
            BY_PATH[path].act(wire)


def in_one_piece(answer: str, *, streamed: bool = False) -> str:
    """A whole response."""
    if not streamed:
        return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n{answer}"
    chunk = f"event: message\r\ndata: {answer}\r\n\r\n"
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return f"{head}{len(chunk):x}\r\n{chunk}\r\n0\r\n\r\n"


def read_request(sock: socket.socket) -> tuple[bytes, bytes] | None:
    """Head and body; None when the connection has ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            sock.close()
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    while len(body) < (int(found[1]) if found else 0):
        body += sock.recv(65536)
    return head, body


@contextmanager
def wire_server() -> Iterator[WireServer]:
    """While it runs."""
    server = WireServer()
    accepting = threading.Thread(target=server.accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.close()
        accepting.join(WAIT_S)
