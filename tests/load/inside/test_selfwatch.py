"""The generator's own readings, on real sockets and real files of the kernel."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from harness.load.inside import selfwatch, stamps
from harness.load.inside.selfwatch import SelfWatch


@pytest.fixture
def pair() -> "tuple[socket.socket, socket.socket]":
    """A TCP connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
    return ours, theirs


def busy_for(seconds: float) -> None:
    """Nobody else gets a turn."""
    until_ns = time.monotonic_ns() + int(seconds * 1e9)
    while time.monotonic_ns() < until_ns:
        pass


def test_what_lay_in_the_kernel_is_measured_from_its_own_time_stamp(
    pair: "tuple[socket.socket, socket.socket]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reply that is read late has lain there so long; the bytes are the same either way."""
    monkeypatch.setattr(stamps, "EACH_CONNECTION", 1)
    ours, theirs = pair
    read = stamps.stamped(ours).recv
    until_the_kernel_stamps(theirs, read)
    got = []
    began_ns = time.monotonic_ns()
    for number in range(stamps.EACH_READING + 1):
        theirs.send(b"reply %d" % number)
        if number == stamps.EACH_READING:
            busy_for(0.02)
        got.append(read(100))
    took_ms = (time.monotonic_ns() - began_ns) / 1e6

    assert got == [b"reply %d" % number for number in range(stamps.EACH_READING + 1)]
    first, last = stamps.taken()
    assert 0 <= first <= took_ms
    assert 19 <= last <= took_ms
    assert stamps.taken() == []


def until_the_kernel_stamps(theirs: socket.socket, read: Callable[[int], bytes]) -> None:
    """It begins a moment after the first socket has asked; ends where a next reading is one with a stamp."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for _ in range(stamps.EACH_READING):
            theirs.send(b"x")
            read(1)
        if stamps.taken():
            return
    raise AssertionError("this kernel gives no time stamps")


def test_most_connections_are_read_as_ever(pair: "tuple[socket.socket, socket.socket]") -> None:
    """One in sixteen is asked."""
    ours, theirs = pair
    found = [stamps.stamped(ours) for _ in range(stamps.EACH_CONNECTION)]
    (asked,) = [one for one in found if one is not ours]
    theirs.send(b"x")

    assert asked.recv(10) == b"x"
    assert asked.send(b"y") == 1


def test_readings_are_shares_of_the_time_since_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor, waiting for one, files; what the platform does not tell is None and not zero."""
    watch = SelfWatch(epoch_ns=time.monotonic_ns())
    sum(range(200_000))
    first = watch.read(3)

    assert first["users"] == 3
    assert 0 < first["cpu"] <= 1.5
    assert first["run_delay"] is None or first["run_delay"] >= 0
    assert 0 < first["files_open"] < first["files_max"]
    assert first["at_ns"] > 0

    monkeypatch.setattr(selfwatch, "SCHEDSTAT", Path("/proc/self/nothing"))
    monkeypatch.setattr(selfwatch, "FILES", Path("/proc/self/nothing"))
    blind = SelfWatch(epoch_ns=0).read(0)
    assert (blind["run_delay"], blind["files_open"]) == (None, 0)


def test_a_greenlet_that_does_not_let_go_is_scheduling_lag() -> None:
    """The probe is woken late, by what the other took."""
    watch = SelfWatch(epoch_ns=0)
    probe = gevent.spawn(watch.probe)
    gevent.sleep(0)
    busy_for(selfwatch.PROBE_S + 0.05)
    gevent.sleep(0.01)
    probe.kill()

    assert watch.read(0)["lag_ms"][0] > 40
