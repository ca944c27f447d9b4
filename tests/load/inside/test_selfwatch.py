"""The generator's own readings, on real sockets and real files of the kernel."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from harness.load.inside import selfwatch, stamps
from harness.load.inside.selfwatch import SelfWatch
from harness.load.inside.stamps import Sampling


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


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> Sampling:
    """One of its own."""
    fresh = Sampling(is_on=True)
    monkeypatch.setattr(stamps, "sampling", fresh)
    return fresh


def test_what_lay_in_the_kernel_is_measured_from_its_own_time_stamp(
    pair: "tuple[socket.socket, socket.socket]", sampling: Sampling
) -> None:
    """A reply that is read late has lain there so long; the bytes are the same either way."""
    ours, theirs = pair
    read = stamps.stamped(ours).recv
    until_the_kernel_stamps(theirs, read, sampling)
    began_ns = time.monotonic_ns()
    theirs.send(b"reply 1")
    got = [read(100)]
    theirs.send(b"reply 2")
    busy_for(0.02)
    got.append(read(100))
    took_ms = (time.monotonic_ns() - began_ns) / 1e6

    assert got == [b"reply 1", b"reply 2"]
    assert sampling.late == {gevent.getcurrent(): pytest.approx(20e6, abs=took_ms * 1e6)}
    first, last = sampling.told(0)["read_ms"]
    assert 0 <= first <= took_ms
    assert 19 <= last <= took_ms
    assert sampling.told(0)["read_ms"] == []


def until_the_kernel_stamps(theirs: socket.socket, read: Callable[[int], bytes], sampling: Sampling) -> None:
    """It begins a moment after the first socket has asked."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        theirs.send(b"x")
        read(1)
        if sampling.told(0)["read_ms"]:
            return
    raise AssertionError("this kernel gives no time stamps")


def test_all_readings_are_asked_while_they_are_few_and_one_in_so_many_when_they_are_not(
    pair: "tuple[socket.socket, socket.socket]", sampling: Sampling
) -> None:
    """Some 250 between two blocks, whatever the number of readings."""
    ours, theirs = pair
    asked = stamps.stamped(ours)
    until_the_kernel_stamps(theirs, asked.recv, sampling)
    counts = []
    for _ in range(3):
        told = 0
        for number in range(4_000):
            theirs.send(b"x")
            assert asked.recv(10) == b"x"
            told += sampling.late.pop(gevent.getcurrent(), None) is not None
            del number
        counts.append((told, sampling.told(0)["added_each"]))

    assert counts[0] == (4_000, 1)
    for told, each in counts[1:]:
        assert 150 <= told <= 400
        assert each == pytest.approx(16, abs=8)
    assert asked.send(b"y") == 1


def test_calls_to_which_little_was_added_are_a_mean_and_the_others_are_listed(sampling: Sampling) -> None:
    """Each by how long before the block it was done."""
    sampling.can = True
    for added_us in (100, 50, 900):
        sampling.add(7_000_000, added_us * 1_000)
    told = sampling.told(10_000_000)

    assert (told["added"], told["added_others_us"], told["added_each"]) == ([3_000_000, 900], 75.0, 1)
    assert sampling.told(0)["added_others_us"] is None


def test_nothing_is_sampled_where_nobody_asks_for_it(
    pair: "tuple[socket.socket, socket.socket]", sampling: Sampling
) -> None:
    """Plain `locust -f`: it would cost time, and grow for ever."""
    sampling.is_on = False
    ours, _ = pair
    assert stamps.stamped(ours) is ours


def test_where_no_socket_can_be_asked_nothing_is_known(sampling: Sampling) -> None:
    """TLS, another platform, or a kernel that does not stamp."""
    assert sampling.told(0)["added_each"] == 0
    with socket.socket(socket.AF_UNIX) as other:
        other.close()
        assert stamps.stamped(other) is other
    assert sampling.told(0)["added_each"] == 0


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
