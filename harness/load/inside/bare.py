"""gevent's own socket without its layer in Python, for the two calls that every exchange makes.

What would block is left to gevent: the bare socket is asked first, and knows (it never blocks).
"""

from typing import Any

from harness.load.inside.stamps import stamped

READ_BYTES = 65_536
FIRST_READ_BYTES = 16_384  # nearly always all there is; four times as much is a page fault a call


def bare_of(sock: Any, *, secure: bool) -> Any:
    """Under TLS there is only one; of the others, some are asked for the kernel's time stamps."""
    return sock if secure else stamped(sock._sock)  # noqa: SLF001 - one layer less


def send(sock: Any, bare: Any, data: bytes) -> None:
    """All of it, nearly always in one system call."""
    try:
        sent = bare.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        sock.sendall(data[sent:])


def receive_first(sock: Any, bare: Any) -> bytes:
    """Switch to the hub at once: a read right after sending finds nothing, at the price of a system call."""
    if bare is sock:
        return bytes(sock.recv(READ_BYTES))
    sock.hub.wait(sock._read_event)  # noqa: SLF001 - the public wait_read makes a new watcher every time
    try:
        chunk: bytes = bare.recv(FIRST_READ_BYTES)
    except BlockingIOError:
        return bytes(sock.recv(READ_BYTES))
    return chunk
