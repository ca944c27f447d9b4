"""gevent's own socket without its layer in Python, for the two calls that every exchange makes.

Calls that would block are left to gevent. Before every read other greenlets run, even when there is always
more to read: else a server that never stops sending would block all users of a worker, and the sweep of their
deadlines.
"""

import errno
from typing import Any

import gevent

from harness.load.inside.transport.kernel_stamps import PlainSocket, TimestampedSocket, stamped
from harness.load.inside.transport.slow_socket import SlowSocket
from harness.run_directory.schema import NULL

READ_BYTES = 65_536
FIRST_READ_BYTES = 16_384  # nearly always enough; four times as much costs a page fault for each call
Bare = TimestampedSocket | PlainSocket | SlowSocket


def bare_of(sock: Any, *, secure: bool) -> Bare:
    """Return the socket without gevent's layer, with the kernel's time stamps.

    Under TLS, the socket itself.
    """
    return PlainSocket(sock, waits=True) if secure else stamped(sock._sock)  # noqa: SLF001 - one layer less


def send(sock: Any, bare: Bare, data: bytes) -> None:
    """Send all data, nearly always in one system call."""
    try:
        sent = bare.send(data)
    except BlockingIOError:
        sent = 0
    if sent < len(data):
        sock.sendall(data[sent:])


def receive_first(sock: Any, bare: Bare) -> bytes:
    """Wait, then read: a read right after sending would find nothing, and cost a system call."""
    if bare.waits:
        return receive(sock, bare)
    _wait(sock)
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
        _wait(sock)
        try:
            return bare.recv(READ_BYTES)
        except BlockingIOError:  # woken for nothing
            continue


def _wait(sock: Any) -> None:
    """Wait until there is something to read; OSError when another greenlet has closed the socket in between."""
    try:
        sock.hub.wait(sock._read_event)  # noqa: SLF001 - the public wait_read makes a new watcher every time
    except AttributeError:
        if sock._read_event is not None:  # noqa: SLF001
            raise
        raise OSError(errno.EBADF, "closed meanwhile") from None


def arrived_ns(bare: Bare, read_ns: int, since_ns: int) -> int:
    """Return when the bytes of the last read, at `read_ns`, came in; `read_ns` itself if that is unknown.

    A time before `since_ns` means that the wall clock was set; then `read_ns` is returned as well.
    """
    if not bare.tells or not since_ns <= read_ns - bare.held_ns <= read_ns:
        return read_ns
    return read_ns - bare.held_ns


def known(bare: Bare, read_ns: int, known_ns: int, since_ns: int) -> tuple[int, int]:
    """Return when a call was done, and for how long its reply then waited for us (NULL: unknown).

    Its last bytes were read at `read_ns` and parsed at `known_ns`.
    """
    if not bare.tells:
        return known_ns, NULL
    done_ns = arrived_ns(bare, read_ns, since_ns)
    return done_ns, known_ns - done_ns
