"""A server of HTTP+SSE that does it rightly and wrongly: a path a case, on real sockets, in threads.

`CASES` says what each does with a call and which outcome either client of ours must call it.
"""

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.wire import event, read_request

WAIT_S = 20
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Session:
    """What a case may use: the stream, and what was posted."""

    stream: socket.socket
    posted: "queue.Queue[bytes]" = field(default_factory=queue.Queue)  # answers to what the server asked

    def say(self, text: str) -> None:
        self.stream.sendall(f"{len(text.encode()):x}\r\n{text}\r\n".encode())

    def end(self) -> None:
        self.stream.sendall(b"0\r\n\r\n")
        self.stream.close()

    def cut(self) -> None:
        self.stream.shutdown(socket.SHUT_RDWR)
        self.stream.close()


def answer(number: object, result: str = "{}") -> str:
    return event(f'{{"jsonrpc":"2.0","id":{json.dumps(number)},"result":{result}}}')


def ask_first(session: Session, number: int) -> None:
    """A ping on the stream, and no answer before it was answered at the endpoint."""
    session.say(event(f'{{"jsonrpc":"2.0","id":{number},"method":"ping"}}'))
    said = json.loads(session.posted.get(timeout=WAIT_S))
    session.say(answer(number, json.dumps({"pinged": said["result"] == {}})))


@dataclass(frozen=True)
class Case:
    """What becomes of a call: the status of its POST, what is said on the stream, what that is called."""

    name: str
    outcome: str
    act: Callable[[Session, int], object] = lambda session, number: session.say(answer(number))
    status: str = "202 Accepted"
    opening: str | None = "event: endpoint\r\ndata: {path}/post?s=1\r\n\r\n"
    refused: str = ""

    @property
    def path(self) -> str:
        return "/" + self.name.replace(" ", "-")


def nothing(session: Session, number: int) -> None:
    del session, number


def endless_comments(session: Session, number: int) -> None:
    """Faster than anybody reads them, until the client has gone away."""
    del number
    for _ in range(50_000):
        session.say(":\n" * 8_000)


CASES = [
    Case("right", "ok"),
    Case("an older answer first", "ok", lambda s, n: (s.say(answer(n - 1)), s.say(answer(n)))),
    Case(
        "a notification first", "ok", lambda s, n: s.say(event('{"jsonrpc":"2.0","method":"x"}') + answer(n))
    ),
    Case("a question with our id first", "ok", ask_first),
    Case("tool error", "tool_error", lambda s, n: s.say(answer(n, '{"isError":true}'))),
    Case("another id", "id_mismatch", lambda s, n: s.say(answer(n + 5))),
    Case("id as text", "id_mismatch", lambda s, n: s.say(answer(str(n)))),
    Case("bad json", "bad_body", lambda s, n: s.say(event("{"))),
    Case("stream ends", "stream_ended", lambda s, n: s.end()),
    Case("stream cut", "truncated", lambda s, n: s.cut()),
    Case("stream cut in an event", "truncated", lambda s, n: (s.say("data: {"), s.cut())),
    Case("chunk size", "http_protocol", lambda s, n: s.stream.sendall(b"zz\r\n")),
    Case("no answer", "timeout", nothing),
    Case("endless comments", "timeout", endless_comments),
    Case("session gone", "session_lost", nothing, "404 Not Found"),
    Case("rate limited", "rate_limited", nothing, "429 Slow Down"),
    Case("refused", "http_status", nothing, "503 Busy"),
    Case("no endpoint", "timeout", opening=None),
    Case("endpoint elsewhere", "bad_body", opening="event: endpoint\ndata: http://192.0.2.1/x\n\n"),
    Case("get only", "ok"),
    Case("no such address", "http_status", refused="404 Not Found"),
]
BY_PATH = {case.path: case for case in CASES}


class StreamServer:
    """Accepts, reads requests, does what the path says; a thread a connection."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.sessions: dict[str, Session] = {}
        self._open: list[socket.socket] = []

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            sock.settimeout(WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
                head, body = request
                method, target, _ = head.split(b" ", 2)
                path = target.decode().partition("?")[0].removesuffix("/post")
                if method == b"POST" and target.decode() == "/get-only":
                    sock.sendall(b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n")
                elif method == b"GET":
                    self._stream(sock, BY_PATH[path])
                else:
                    self._post(sock, BY_PATH[path], body)
        except OSError:
            sock.close()

    def _stream(self, sock: socket.socket, case: Case) -> None:
        if case.refused:
            sock.sendall(f"HTTP/1.1 {case.refused}\r\nContent-Length: 2\r\n\r\nno".encode())
            return
        sock.sendall(HEAD.encode())
        session = self.sessions[case.path] = Session(sock)
        if case.opening is not None:
            session.say(case.opening.format(path=case.path))

    def _post(self, sock: socket.socket, case: Case, body: bytes) -> None:
        if case.path not in self.sessions:  # nobody has opened its stream
            sock.sendall(f"HTTP/1.1 {case.refused or 400}\r\nContent-Length: 2\r\n\r\nno".encode())
            return
        message, session = json.loads(body), self.sessions[case.path]
        accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"
        if message.get("method") == "tools/call":
            sock.sendall(f"HTTP/1.1 {case.status}\r\nContent-Length: 2\r\n\r\n--".encode())
            case.act(session, message["id"])
        elif "method" not in message:
            sock.sendall(accepted)
            session.posted.put(body)
        else:
            if "id" in message:  # before the POST is accepted, as fast servers do
                session.say(answer(message["id"], '{"protocolVersion":"2024-11-05","tools":[]}'))
            sock.sendall(accepted)


@contextmanager
def stream_server() -> Iterator[StreamServer]:
    """While it runs."""
    server = StreamServer()
    accepting = threading.Thread(target=server.accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.close()
        accepting.join(WAIT_S)
