"""The least that can answer JSON-RPC: every POST gets a tool's result with its own id, from one epoll loop.

It is there to be faster than any generator in Python, so that a benchmark measures the generator. It reads what a
well-behaved client sends (a head, Content-Length, a body) and nothing else; it is no MCP server.

    python benchmarks/trivial_server.py          prints the port it chose on 127.0.0.1, serves until it is killed
"""

import os
import re
import select
import socket

NUMBER = re.compile(rb'"id": ?(\d+)')
LENGTH = re.compile(rb"(?i)\r\ncontent-length: ?(\d+)")
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
BODY = (
    b'{"jsonrpc":"2.0","id":%b,"result":{"protocolVersion":"2025-11-25",'
    b'"content":[{"type":"text","text":"hello"}],"isError":false}}'
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


def answer(request: bytes) -> bytes:
    """The response to one whole request."""
    found = NUMBER.search(request)
    if found is None:
        return ACCEPTED
    body = BODY % found[1]
    return HEAD % len(body) + body


def missing(data: bytes) -> bool:
    """Whether more of this request is to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return True
    length = LENGTH.search(data, 0, end + 4)
    return len(data) < end + 4 + (int(length[1]) if length else 0)


def serve(listener: socket.socket) -> None:
    """For ever; one request in flight on each connection."""
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections: dict[int, socket.socket] = {}
    pending: dict[int, bytes] = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                accepted, _ = listener.accept()
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[accepted.fileno()] = accepted
                poll.register(accepted, select.EPOLLIN)
                continue
            try:
                data = os.read(number, 65_536)
                if not data:
                    raise ConnectionAbortedError
                whole = pending.pop(number, b"") + data
                if missing(whole):
                    pending[number] = whole
                else:
                    os.write(number, answer(whole))
            except OSError:
                poll.unregister(number)
                connections.pop(number).close()


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        print(listener.getsockname()[1], flush=True)
        serve(listener)


if __name__ == "__main__":
    main()
