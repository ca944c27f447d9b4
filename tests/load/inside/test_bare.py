"""The bare socket gives way to gevent's where it would block."""

import socket
from types import SimpleNamespace

import gevent
import gevent.socket

from harness.load.inside.bare import bare_of, receive_first, send


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
    bare, other = socket.socketpair()
    bare.setblocking(False)
    sock = SimpleNamespace(
        hub=SimpleNamespace(wait=lambda _: None), _read_event=None, recv=lambda _: b"waited for"
    )

    assert receive_first(sock, bare) == b"waited for"
    other.send(b"there")
    assert receive_first(sock, bare) == b"there"
    bare.close()
    other.close()


def test_under_tls_there_is_only_the_one_socket() -> None:
    """It waits by itself."""
    sock = SimpleNamespace(recv=lambda _: b"decrypted")

    assert receive_first(sock, bare_of(sock, secure=True)) == b"decrypted"
