"""gevent's own socket without its layer in Python, for the two calls that every exchange makes.

What would block is left to gevent. Before every piece that is read the others get their turn, also when there is always
more to read: else one server that never stops would hold up all users of a worker, and the sweep of their deadlines.
"""

from typing import Any

import gevent

from harness.load.inside.transport.kernel_stamps import PlainSocket, TimestampedSocket, stamped
from harness.run_directory.schema import NULL

READ_BYTES = 65_536
FIRST_READ_BYTES = 16_384  # nearly always all there is; four times as much is a page fault a call
Bare = TimestampedSocket | PlainSocket


def bare_of(sock: Any, *, secure: bool) -> Bare:
    """Under TLS there is only one; others are read with the kernel's time stamps."""
    return PlainSocket(sock, waits=True) if secure else stamped(sock._sock)  # noqa: SLF001 - one layer less


def send(sock: Any, bare: Bare, data: bytes) -> None:
    """All of it, nearly always in one system call."""
    try:
        sent = bare.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        sock.sendall(data[sent:])


def receive_first(sock: Any, bare: Bare) -> bytes:
    """Switch to the hub at once: a read right after sending finds nothing, at the price of a system call."""
    if bare.waits:
        return receive(sock, bare)
    sock.hub.wait(sock._read_event)  # noqa: SLF001 - the public wait_read makes a new watcher every time
    try:
        return bare.recv(FIRST_READ_BYTES)
    except BlockingIOError:
        return receive(sock, bare)


def receive(sock: Any, bare: Bare) -> bytes:
    """Wait for the next bytes of the connection, and read them."""
    if bare.waits:
        gevent.sleep(0)
        return bare.recv(READ_BYTES)
    while True:
        sock.hub.wait(sock._read_event)  # noqa: SLF001 - see above
        try:
            return bare.recv(READ_BYTES)
        except BlockingIOError:  # woken for nothing
            continue


def arrived_ns(bare: Bare, read_ns: int, since_ns: int) -> int:
    """When the bytes of the last reading, at `read_ns`, came in; the reading itself where nobody knows.

    What would be before `since_ns` is a wall clock that was set.
    """
    if not bare.tells or not since_ns <= read_ns - bare.held_ns <= read_ns:
        return read_ns
    return read_ns - bare.held_ns


def known(bare: Bare, read_ns: int, known_ns: int, since_ns: int) -> tuple[int, int]:
    """When a call was done whose last bytes were read then and understood at `known_ns`, and how long it was held since."""
    if not bare.tells:
        return known_ns, NULL
    done_ns = arrived_ns(bare, read_ns, since_ns)
    return done_ns, known_ns - done_ns
