"""The bare socket gives way to gevent's where it would block."""

from collections.abc import Callable
from types import SimpleNamespace

import gevent
import gevent.socket
import pytest

from harness.load.inside.transport import sockets as reading
from harness.load.inside.transport.sockets import bare_of, receive, receive_first, send


def test_what_does_not_fit_is_sent_as_room_comes() -> None:
    """A part at first, and then nothing at all: gevent waits, and the bytes arrive in order."""
    here, there = gevent.socket.socketpair()
    bare, data = bare_of(here, secure=False), bytes(range(256)) * 40_000

    def send_twice() -> None:
        send(here, bare, data)
        send(here, bare, b"end")

    sending = gevent.spawn(send_twice)
    gevent.sleep(0)
    received = bytearray()
    with gevent.Timeout(20):
        while not received.endswith(b"end"):
            received += there.recv(1_000_000)
        sending.get()
    here.close()
    there.close()

    assert bytes(received) == data + b"end"


def test_a_socket_that_is_full_before_anything_is_sent() -> None:
    """The bare socket says that it would block."""
    here, there = gevent.socket.socketpair()
    bare, filled = bare_of(here, secure=False), 0
    try:
        while True:
            filled += bare.send(b"x" * 65_536)
    except BlockingIOError:
        sending = gevent.spawn(send, here, bare, b"end")
    gevent.sleep(0)
    received = bytearray()
    with gevent.Timeout(20):
        while len(received) < filled + 3:
            received += there.recv(1_000_000)
        sending.get()
    here.close()
    there.close()

    assert received.endswith(b"xend")


def test_waking_up_for_nothing_is_followed_by_waiting() -> None:
    """A watcher may fire although there is nothing to read."""
    here, there = gevent.socket.socketpair()
    bare = bare_of(here, secure=False)
    woken = SimpleNamespace(hub=SimpleNamespace(wait=lambda _: there.send(b"there")), _read_event=None)

    assert receive_first(here_that_wakes_for_nothing(here, there), bare) == b"waited for"
    assert receive(woken, bare) == b"there"
    here.close()
    there.close()


def here_that_wakes_for_nothing(here: gevent.socket.socket, there: gevent.socket.socket) -> SimpleNamespace:
    """The first time; by the second there is something."""
    waits = iter([lambda: None, lambda: there.send(b"waited for")])
    return SimpleNamespace(hub=SimpleNamespace(wait=lambda _: next(waits)()), _read_event=here._read_event)


def test_under_tls_there_is_only_the_one_socket() -> None:
    """It waits by itself, and nobody knows when its bytes came in."""
    sock = SimpleNamespace(recv=lambda _: b"decrypted", send=len)
    bare = bare_of(sock, secure=True)

    assert receive_first(sock, bare) == b"decrypted"
    assert not bare.tells


@pytest.mark.parametrize("secure", [False, True])
def test_before_every_piece_that_is_read_the_others_get_their_turn(
    secure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is always more to read: one server that never stops must not hold up all other users."""
    monkeypatch.setattr(reading, "READ_BYTES", 10)
    here, there = gevent.socket.socketpair()
    bare, pieces, had = bare_of(here, secure=secure), [], []

    def another() -> None:
        while True:
            had.append(len(pieces))
            gevent.sleep(0)

    other = gevent.spawn(another)
    there.sendall(b"x" * 50)
    while len(pieces) < 5:
        pieces += [receive(here, bare)]
    other.kill()
    here.close()
    there.close()

    assert pieces == [b"x" * 10] * 5
    assert set(had) >= {0, 1, 2, 3, 4}


@pytest.mark.parametrize("read", [receive, receive_first])
def test_a_socket_that_another_greenlet_has_closed_is_an_error_of_the_connection(
    read: Callable[..., bytes],
) -> None:
    """As when the answer to a server's question is read while the session ends: no traceback in the log of a worker."""
    here, there = gevent.socket.socketpair()
    bare = bare_of(here, secure=False)
    here.close()
    there.close()

    with pytest.raises(OSError, match="closed meanwhile"):
        read(here, bare)
