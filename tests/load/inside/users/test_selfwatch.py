"""The generator's own readings, on real sockets and real files of the kernel."""

import socket
import time
from pathlib import Path

import gevent
import pytest

from harness.load.inside.transport import kernel_stamps
from harness.load.inside.transport.kernel_stamps import Sampling
from harness.load.inside.transport.sockets import Bare, arrived_ns, known
from harness.load.inside.users import selfwatch
from harness.load.inside.users.selfwatch import SelfWatch
from harness.run_directory.schema import NULL


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
    pair: "tuple[socket.socket, socket.socket]",
) -> None:
    """A reply that is read late came in when it did; the bytes are the same either way."""
    ours, theirs = pair
    bare = kernel_stamps.stamped(ours)
    until_the_kernel_stamps(theirs, bare)
    began_ns = time.monotonic_ns()
    theirs.send(b"reply 1")
    got = [bare.recv(100)]
    first_ns = bare.held_ns
    theirs.send(b"reply 2")
    busy_for(0.02)
    got.append(bare.recv(100))
    took_ns = time.monotonic_ns() - began_ns

    assert got == [b"reply 1", b"reply 2"]
    assert 0 <= first_ns <= took_ns
    assert 19e6 <= bare.held_ns <= took_ns


def until_the_kernel_stamps(theirs: socket.socket, bare: Bare) -> None:
    """It begins a moment after the first socket has asked."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        theirs.send(b"x")
        bare.recv(1)
        if bare.tells:
            return
    raise AssertionError("this kernel gives no time stamps")


@pytest.mark.parametrize(
    ("tells", "held_ns", "came_ns"),
    [
        (True, 400, 600),
        (True, 0, 1_000),
        (True, 501, 1_000),  # before the call was sent: the wall clock was set
        (True, -3_600 * 10**9, 1_000),
        (True, 3_600 * 10**9, 1_000),
        (False, 400, 1_000),
    ],
)
def test_a_wall_clock_that_is_set_moves_no_time(tells: bool, held_ns: int, came_ns: int) -> None:
    """The stamp is of that clock; what it says beyond reason is not taken."""
    bare = kernel_stamps.PlainSocket(socket.socket())
    bare.tells, bare.held_ns = tells, held_ns
    assert arrived_ns(bare, 1_000, 500) == came_ns
    assert known(bare, 1_000, 1_100, 500) == ((came_ns, 1_100 - came_ns) if tells else (1_100, NULL))


def test_all_calls_are_sampled_while_they_are_few_and_one_in_so_many_when_they_are_not() -> None:
    """Some 250 between two blocks, whatever the number of calls."""
    sampling = Sampling(is_on=True)
    counts = []
    for _ in range(3):
        sampled = 0
        for _ in range(4_000):
            if sampling.skip:
                sampling.skip -= 1
            else:
                sampling.add(0, 0, 0)
                sampled += 1
        counts.append((sampled, sampling.times(0).added_each))

    assert counts[0] == (4_000, 1)
    for sampled, each in counts[1:]:
        assert 150 <= sampled <= 400
        assert each == pytest.approx(16, abs=8)


def test_calls_that_were_sent_in_time_are_a_mean_and_the_others_are_listed() -> None:
    """Each by how long before the block it was done; how long replies were held is a mean of all."""
    sampling = Sampling(is_on=True)
    for late_us, held_us in ((100, 30), (50, 10), (900, 80)):
        sampling.add(7_000_000, late_us * 1_000, held_us * 1_000)
    told = sampling.times(10_000_000)

    assert (told.added, told.added_others_us, told.added_each) == ([3_000_000, 900], 75.0, 1)
    assert (told.held_us, told.read_ms) == (40.0, [0.03, 0.01, 0.08])
    assert sampling.times(0).added_others_us is sampling.times(0).held_us is None


def test_where_the_kernel_does_not_tell_nothing_is_known() -> None:
    """TLS, another platform, or a kernel that does not stamp."""
    sampling = Sampling(is_on=True)
    sampling.add(0, 100, NULL)
    assert sampling.times(0).added_each == 0


def test_readings_are_shares_of_the_time_since_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor, waiting for one, files; what the platform does not tell is None and not zero."""
    watch = SelfWatch(epoch_ns=time.monotonic_ns())
    sum(range(200_000))
    first = watch.read(3)

    assert first.users == 3
    assert 0 < first.cpu <= 1.5
    assert first.run_delay is None or first.run_delay >= 0
    assert 0 < first.files_open < first.files_max
    assert first.at_ns > 0

    monkeypatch.setattr(selfwatch, "SCHEDSTAT", Path("/proc/self/nothing"))
    monkeypatch.setattr(selfwatch, "FILES", Path("/proc/self/nothing"))
    blind = SelfWatch(epoch_ns=0).read(0)
    assert (blind.run_delay, blind.files_open) == (None, 0)


def test_a_greenlet_that_does_not_let_go_is_scheduling_lag() -> None:
    """The probe is woken late, by what the other took."""
    watch = SelfWatch(epoch_ns=0)
    probe = gevent.spawn(watch.probe)
    gevent.sleep(0)
    busy_for(selfwatch.PROBE_S + 0.05)
    gevent.sleep(0.01)
    probe.kill()

    assert watch.read(0).lag_ms[0] > 40
