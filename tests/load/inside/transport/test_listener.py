"""The stream beside the calls, of both clients: opened, told to have none, taken up where it ended, asked on."""

import asyncio
import json
import queue
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
import pytest

from harness.client.http import http_client
from harness.client.stream import listening
from harness.load.inside.transport import event_stream
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.event_stream import EventStream
from harness.load.inside.transport.listener import Listener
from harness.load.inside.transport.sockets import Bare, receive
from harness.mcp import outcome
from harness.mcp.messages import Request
from harness.mcp.stream import NO_STREAM
from tests.fakes.accepting import accepting
from tests.fakes.wire import event, read_request
from tests.load.inside.waiting import until

LISTEN = Request(
    "session/listen",
    b"",
    (("Accept", "text/event-stream"), ("Mcp-Session-Id", "s1")),
    None,
    "GET",
    in_session=True,
    names_session=True,
)
PING = event('{"jsonrpc":"2.0","id":1,"method":"ping"}')
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
Seen = "queue.Queue[tuple[str, bytes]]"


@contextmanager
def server(*answers: bytes) -> Iterator[tuple[str, Seen]]:
    """Its first GETs are answered by these, one each, and closed; what comes is seen."""
    seen: queue.Queue[tuple[str, bytes]] = queue.Queue()
    left = list(answers)

    def act(sock: socket.socket) -> None:
        while request := read_request(sock):
            head, body = request
            seen.put((head.decode(), body))
            if head.startswith(b"POST"):
                sock.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            elif left:
                sock.sendall(left.pop(0))
                sock.close()
                return

    with accepting(act) as origin:
        yield f"{origin}/mcp", seen


def take(seen: Seen, count: int) -> list[tuple[str, bytes]]:
    """What came, while greenlets run."""
    until(lambda: seen.qsize() >= count)
    return [seen.get() for _ in range(count)]


def test_what_a_server_asks_beside_the_calls_is_answered_and_a_lost_stream_is_due_again() -> None:
    """From the last event that came, after the time that the server asked for."""
    told = f"id: e-7\nretry: 20\ndata:\n\n{PING}".encode()
    with server(STREAM + told, STREAM) as (url, seen):
        here = Listener(url, Deadlines(), 10.0)
        first = here.exchange(LISTEN)
        (asked, _), (answered, said) = take(seen, 2)
        until(lambda: here.due(time.monotonic_ns()))
        again = here.due(time.monotonic_ns())
        second = here.exchange(again)
        ((resumed, _),) = take(seen, 1)
        here.close()

    assert (first.reply.outcome, second.reply.outcome) == (outcome.OK, outcome.OK)
    assert asked.startswith("GET /mcp")
    assert "Last-Event-ID" not in asked
    assert "Mcp-Session-Id: s1" in answered
    assert "Accept: application/json, text/event-stream" in answered
    assert json.loads(said) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "Last-Event-ID: e-7" in resumed


@pytest.mark.parametrize(
    ("said", "expected", "status"),
    [
        (b"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n", outcome.OK, NO_STREAM),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", outcome.SESSION_LOST, 404),
        (b"HTTP/1.1 409 Taken\r\nContent-Length: 2\r\n\r\nno", outcome.HTTP_STATUS, 409),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", outcome.BAD_BODY, 200),
        (b"", outcome.DISCONNECTED, None),
    ],
)
def test_where_there_is_no_stream_the_row_says_so(said: bytes, expected: str, status: int | None) -> None:
    """405 is well; nothing else is, and only a broken connection is tried again."""
    with server(said) as (url, _):
        here = Listener(url, Deadlines(), 10.0)
        done = here.exchange(LISTEN)
        again = [here.due(at_ns) for at_ns in (1, 10**18)]
        here.close()

    assert (done.reply.outcome, done.reply.status) == (expected, status)
    assert again == [None, LISTEN if expected == outcome.DISCONNECTED else None]


def test_a_server_that_says_nothing_to_a_listener_is_a_timeout() -> None:
    """And a refused port is connect."""
    with server() as (url, _):
        silent = Listener(url, Deadlines(), 0.2).exchange(LISTEN)
    refused = Listener("http://127.0.0.1:1/mcp", Deadlines(), 10.0).exchange(LISTEN)

    assert (silent.reply.outcome, refused.reply.outcome) == (outcome.TIMEOUT, outcome.CONNECT)


async def test_the_asyncio_client_listens_too() -> None:
    """The same request, the same answer, the same second request."""
    told = f"id: e-7\nretry: 20\ndata:\n\n{PING}".encode()
    with server(STREAM + told, STREAM) as (url, seen):
        async with http_client(url, 10.0, {}) as client, listening(client, LISTEN):
            async with asyncio.timeout(60):
                while seen.qsize() < 3:
                    await asyncio.sleep(0.005)
    (asked, _), (_, said), (resumed, _) = (seen.get() for _ in range(3))

    assert asked.startswith("GET /mcp")
    assert json.loads(said) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "Last-Event-ID: e-7" in resumed


def test_a_stream_that_is_closed_between_two_reads_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that floods wakes the reader once more before the end reaches it: it does not read what is closed."""
    ends: list[BaseException | None] = []

    def receive_and_be_closed(sock: object, bare: Bare) -> bytes:
        read = receive(sock, bare)
        events.close()
        gevent.getcurrent().link(lambda reader: ends.append(reader.exception))
        return read

    monkeypatch.setattr(event_stream, "receive", receive_and_be_closed)
    with server(STREAM + PING.encode() * 1_000) as (url, _):
        events = EventStream(url, Deadlines(), 10.0, ())
        # Closed by the reader itself, so that nothing ends it but its own look at the socket.
        events.open(LISTEN, time.monotonic_ns() + 10**10)
        until(lambda: bool(ends))

    assert ends == [None]
