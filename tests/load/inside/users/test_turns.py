"""Who may call next, with real greenlets and the real clock: orders and counts are the subject, never speed."""

import time
from collections.abc import Iterator

import gevent
import pytest

from harness.load.inside.transport.timer import Alarm, Alarms, sleep
from harness.load.inside.users.turns import OVER, CountedTurns, OpenLoadTurns, TurnGauges, UserSlot
from tests.load.inside.waiting import until

SECOND = 1_000_000_000
MS = 1_000_000


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Nothing here waits for ever."""
    with gevent.Timeout(20):
        yield


def test_an_alarm_rings_at_its_time_and_not_before() -> None:
    """One that is over lets the others have their turn."""
    alarm = Alarm()
    at_ns = time.monotonic_ns() + 5 * MS
    alarm.sleep_until(at_ns)
    assert time.monotonic_ns() >= at_ns
    others: list[int] = []
    gevent.spawn(others.append, 1)
    alarm.sleep_until(0)

    assert others == [1]
    alarm.close()
    alarm.close()


def test_all_who_sleep_wake_in_the_order_of_their_times_and_none_early() -> None:
    """One alarm clock for all; who sleeps again from within the ringing is woken again; the killed hold up nobody."""
    woken: list[int] = []
    early: list[int] = []

    def sleeper(number: int, times: int) -> None:
        for _ in range(times):
            until_ns = time.monotonic_ns() + number * MS
            sleep(number / 1000)
            if time.monotonic_ns() < until_ns - MS // 100:
                early.append(number)
        woken.append(number)

    killed = gevent.spawn(sleeper, 1, 1)
    gevent.sleep(0)
    killed.kill()
    sleepers = [gevent.spawn(sleeper, number, 1) for number in (60, 20, 40)]
    again = gevent.spawn(sleeper, 5, 3)
    gevent.joinall([*sleepers, again], raise_error=True)

    assert (early, [one for one in woken if one != 5]) == ([], [20, 40, 60])
    assert 5 in woken


def test_who_sleeps_without_a_kernel_timer_uses_the_loop_s() -> None:
    """Elsewhere than on Linux."""
    alarms = Alarms(gevent.get_hub())
    alarms._alarm.close()
    began_ns = time.monotonic_ns()
    alarms.sleep(0.005)

    assert time.monotonic_ns() - began_ns >= 4 * MS


def test_an_alarm_without_a_kernel_timer_uses_the_loop_s() -> None:
    """Elsewhere than on Linux."""
    alarm = Alarm()
    alarm.close()
    at_ns = time.monotonic_ns() + 5 * MS
    alarm.sleep_until(at_ns)

    assert time.monotonic_ns() >= at_ns - MS


def test_users_of_a_step_by_count_begin_together_and_share_its_calls() -> None:
    """Nobody begins before all are there; exactly so many turns; then they wait until it is over."""
    turns = CountedTurns(lambda: 3, epoch_ns=0)
    taken: list[int | None] = []

    def user(late_s: float) -> None:
        gevent.sleep(late_s)
        while (wanted_ns := turns.take("a", UserSlot(), 0)) is not None:
            taken.append(wanted_ns)
            gevent.sleep(0)
        taken.append(None)

    users = [gevent.spawn(user, late_s) for late_s in (0, 0, 0.05)]
    turns.wait_for_all(10)
    assert taken == []
    at_ns = time.monotonic_ns() + 5 * MS
    turns.let_go(7, at_ns)
    until(lambda: turns.gauges(0) == TurnGauges())
    gevent.sleep(0)
    assert taken == [at_ns] * 7
    turns.end()
    gevent.joinall(users)

    assert taken[7:] == [None] * 3


class Users:
    """Users of a pool, who take a while for each call."""

    def __init__(self, each_s: float = 0.0) -> None:
        self.epoch_ns = time.monotonic_ns()
        self.each_s = each_s
        self.grown: list[str] = []
        self.done: list[tuple[str, int, int]] = []
        self.turns = OpenLoadTurns({"a": 3, "b": 1}, self.grow, 0, self.epoch_ns)
        self.greenlets: list[gevent.Greenlet] = []

    def grow(self, name: str) -> None:
        self.grown.append(name)
        self.greenlets.append(gevent.spawn(self.user, name))

    def user(self, name: str) -> None:
        slot = UserSlot()
        while True:
            wanted_ns = self.turns.take(name, slot, 0)
            assert wanted_ns is not None
            self.done.append((name, wanted_ns, time.monotonic_ns() - self.epoch_ns))
            gevent.sleep(self.each_s)

    def begin(self, offsets_ns: list[int], *, most: int, queue: int, hold_ns: int) -> int:
        starts_ns = time.monotonic_ns() - self.epoch_ns
        schedule = (starts_ns + offset for offset in [*offsets_ns, 3600 * SECOND])
        self.turns.begin(schedule, max_sessions=most, queue_max=queue, ends_ns=starts_ns + hold_ns)
        return starts_ns

    def wait(self, count: int) -> None:
        until(lambda: len(self.done) >= count)

    def leave(self) -> None:
        gevent.killall(self.greenlets)


def test_every_arrival_is_taken_once_at_its_time_by_the_class_it_is_of() -> None:
    """Three of one class for each of the other; nobody begins early."""
    users = Users()
    starts_ns = users.begin([number * MS for number in range(40)], most=10, queue=40, hold_ns=SECOND)
    users.wait(40)
    users.turns.end()
    users.leave()

    assert sorted(wanted for _, wanted, _ in users.done) == [starts_ns + number * MS for number in range(40)]
    assert sum(name == "a" for name, _, _ in users.done) == 30
    assert all(began >= wanted for _, wanted, began in users.done)
    gauges = users.turns.gauges(time.monotonic_ns() - users.epoch_ns)
    assert (gauges.arrived, gauges.not_sent, gauges.overdue) == (40, [], 0)


def test_what_finds_nobody_waits_and_beyond_the_queue_is_not_sent() -> None:
    """Two sessions that are busy, three places: the sixth of six at once goes nowhere, and it is told once."""
    users = Users(each_s=60)
    starts_ns = users.begin([0, 1, 2, 3, 4, 5], most=2, queue=3, hold_ns=SECOND)
    users.wait(2)
    gauges = users.turns.gauges(time.monotonic_ns() - users.epoch_ns)

    assert gauges.not_sent == [starts_ns + 5]
    assert gauges.oldest_waiting_ns in {starts_ns + 1, starts_ns + 2}
    assert users.turns.gauges(0).not_sent == []
    users.turns.end()
    assert len(users.turns.gauges(0).not_sent) == 3  # those that still waited when it was over
    users.leave()


def test_what_arrived_after_the_step_was_never_counted_on() -> None:
    """While a step's last calls are waited for the load goes on; what waits then is let go of."""
    users = Users(each_s=60)
    users.begin([0, 10 * MS, 20 * MS], most=2, queue=3, hold_ns=5 * MS)
    users.wait(1)
    until(lambda: users.turns.gauges(0).arrived >= 3)
    users.turns.end()

    assert users.turns.gauges(0).not_sent == []
    users.leave()


def test_a_schedule_that_has_an_end_is_played_to_it_and_no_further() -> None:
    """The last arrivals of a run: what waits is still taken, nothing is overdue, and there is nothing to be waited for."""
    users = Users(each_s=0.01)
    starts_ns = time.monotonic_ns() - users.epoch_ns
    schedule = [starts_ns + offset for offset in (0, 1, 2, 3, 20 * MS)]
    users.turns.begin(iter(schedule), max_sessions=2, queue_max=5, ends_ns=starts_ns + SECOND)
    users.wait(5)
    later_ns = time.monotonic_ns() - users.epoch_ns + 60 * SECOND
    gauges = users.turns.gauges(later_ns)
    users.turns.end()
    users.leave()

    assert sorted(wanted for _, wanted, _ in users.done) == schedule
    assert (gauges.arrived, gauges.overdue, gauges.oldest_waiting_ns) == (5, 0, later_ns)
    assert users.turns.gauges(0).not_sent == []


def test_a_schedule_that_is_behind_ends_all_the_same() -> None:
    """What nobody has looked at yet is overdue, to the end of the schedule and not beyond."""
    users = Users()
    users.turns.begin(iter([0, 1, 2]), max_sessions=1, queue_max=0, ends_ns=3)
    gauges = users.turns.gauges(time.monotonic_ns() - users.epoch_ns + SECOND)
    users.turns.end()

    assert gauges.overdue == 3
    assert users.turns.gauges(0).not_sent == [0, 1, 2]


def test_when_the_load_is_over_nobody_gets_a_turn() -> None:
    """Users who wait for one are still there to be stopped."""
    turns = CountedTurns(lambda: 1, epoch_ns=0)
    asked: list[str] = []

    def user() -> None:
        turns.take("a", UserSlot(), 0)
        asked.append("over")
        OVER.take("a", UserSlot(), 0)
        asked.append("a turn")

    one = gevent.spawn(user)
    turns.end()
    until(lambda: asked)
    gevent.sleep(0.01)
    one.kill()

    assert asked == ["over"]
    OVER.end()
    assert OVER.gauges(0) == TurnGauges()


def test_another_rate_goes_to_the_pool_that_there_is() -> None:
    """A ramp of a rate opens sessions once: those that are free take what arrives."""
    users = Users()
    users.begin([0, 1, 2, 3, 4, 5, 6, 7], most=8, queue=8, hold_ns=SECOND)
    users.wait(8)
    until(lambda: sum(map(len, users.turns._pool.free.values())) >= len(users.grown))
    grown = list(users.grown)
    users.begin([0], most=8, queue=8, hold_ns=SECOND)
    users.wait(9)
    users.turns.end()
    users.leave()

    assert set(grown) == {"a", "b"}
    assert users.grown == grown


def test_arrivals_whose_time_came_and_that_nobody_looked_at_are_overdue() -> None:
    """That is the generator's own fault, and counts against its rate."""
    users = Users()
    users.begin([number * MS for number in range(100)], most=1, queue=0, hold_ns=SECOND)
    gauges = users.turns.gauges(time.monotonic_ns() - users.epoch_ns + 60 * MS)  # as if it were later already

    assert gauges.overdue >= 40
    users.turns.end()
    users.leave()
