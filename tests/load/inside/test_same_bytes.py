"""Both clients put the same bytes on the wire: what the conformance suite says of one holds for the other."""

import socket
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from harness.client.http import http_client
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from harness.mcp.traits import Traits
from tests.fakes.wire import read_request

TRAITS = Traits(mirrored={"where": {"Region": ["region"], "Deep": ["a", "b"]}})
AUTHORIZED = (("Authorization", "Bearer t"),)
PROTOCOLS = ["2026-07-28", "2025-11-25", "2024-11-05", "plain"]


class Recording:
    """Answers everything alike, and keeps what came."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/mcp?a=b"
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            threading.Thread(target=self.answer, args=(sock,), daemon=True).start()

    def answer(self, sock: socket.socket) -> None:
        while request := read_request(sock):
            head, body = request
            first, *lines = head.decode("latin-1").split("\r\n")
            self.seen.append((first, dict(line.split(": ", 1) for line in lines), body))
            number = body.partition(b'"id":')[2].partition(b",")[0] or b"0"
            answer = b'{"jsonrpc":"2.0","id":%b,"result":{"protocolVersion":"2025-11-25"}}' % number
            named = b"Mcp-Session-Id: s-1\r\n"
            sock.sendall(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (named, len(answer), answer))


@pytest.fixture
def recording() -> Iterator[Recording]:
    server = Recording()
    accepting = threading.Thread(target=server.serve, daemon=True)
    accepting.start()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()
    accepting.join(10)


def everything(session: Session) -> Generator[Request, Reply, None]:
    """One of each that a session can ask for."""
    yield from session.opening()
    yield session.call("where", {"region": " Grüße ", "a": {"b": True}})
    yield session.call("plain-name", {})
    yield session.request("resources/read", {"uri": "file:///ä b"}, "resources/read:x")
    yield session.request("prompts/get", {"name": "p", "arguments": {"n": "1"}})
    yield session.request("tools/call", {"name": "where", "arguments": {"region": "eu"}, "requestState": "s"})
    yield session.request("tools/list", {})
    yield from session.closing()


def by_gevent(url: str, session: Session) -> None:
    connection = HttpConnection(url, Deadlines(), 20.0, AUTHORIZED)
    sequence: Any = everything(session)
    try:
        request = next(sequence)
        while True:
            request = sequence.send(connection.exchange(request).reply)
    except StopIteration:
        connection.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_both_clients_send_the_same_requests(recording: Recording, protocol: str) -> None:
    """Line for line: method, address, headers, body. Only who says it differs, and whether the connection is kept."""
    by_gevent(recording.url, new_session(protocol, TRAITS))
    of_load, recording.seen = recording.seen, []
    async with http_client(recording.url, 20.0, dict(AUTHORIZED)) as client:
        await client.run(everything(new_session(protocol, TRAITS)))
    of_client = recording.seen

    for _, headers, _ in [*of_load, *of_client]:
        headers.pop("User-Agent", None)
        headers.pop("Connection", None)
    assert len(of_load) >= 6
    assert of_client == of_load
