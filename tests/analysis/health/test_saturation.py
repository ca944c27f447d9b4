"""The generator's health: when it measured itself, and which calls have no row."""

import numpy as np
import pytest

from harness.analysis.calls.calls import Calls
from harness.analysis.health.saturation import judge, measure, seconds
from harness.analysis.levels.steps import Step
from tests.fakes.events import data_of, name_of
from tests.fakes.events import event as happened
from tests.fakes.runs import MS, S, rows

HEALTHY = {"worker": 0, "cpu": 0.5, "run_delay": 0.02, "lag_ms": [0.5], "started": 10, "users": 1}


def said(at_s, **data):
    return happened(int(at_s * S), "generator", HEALTHY | data)


def regular(first_s, last_s, **data):
    """Two reports a second."""
    return [said(at / 2, **data) for at in range(int(first_s * 2), int(last_s * 2) + 1)]


def a_step(index=0, start_s=10.0, end_s=20.0):
    return Step(
        index=index,
        name="steady",
        kind="sustain",
        users=10,
        rate=None,
        start_ns=int(start_s * S),
        end_ns=int(end_s * S),
    )


def calls_of(ms, *, start_s=10.0, end_s=20.0):
    """Evenly over that time."""
    count = len(ms)
    intended = int(start_s * S) + np.arange(count) * int((end_s - start_s) * S) // count
    return Calls.of(
        rows(count, intended_ns=intended, done_ns=intended + (np.asarray(ms) * MS).astype(np.int64))
    )


def with_delays(events, calls, added_ms):
    """The reports, which list what was added to each call; every call was sampled."""
    found = []
    for event in events:
        inside = (calls.done_ns > event.at_ns - S // 2) & (calls.done_ns <= event.at_ns) & (added_ms > 0.25)
        pairs = np.column_stack([event.at_ns - calls.done_ns[inside], (added_ms[inside] * 1000).astype(int)])
        told = {"added": pairs.ravel().tolist(), "added_each": 1, "added_others_us": 80.0}
        found.append(happened(event.at_ns, name_of(event), data_of(event) | told))
    return found


# What was added to 2,000 calls of 20 ms in ten seconds, and what is said of it.
ADDED = [
    pytest.param(lambda at: 0.08 + 0 * at, [], id="nothing-to-speak-of"),
    pytest.param(lambda at: 1.5 + 0 * at, [], id="a-millisecond-and-a-half-of-each-is-less-than-a-tenth"),
    pytest.param(lambda at: 3.0 + 0 * at, ["p50", "mean"], id="three-of-each"),
    pytest.param(lambda at: 8.0 * (at % 10 == 0), ["p95"], id="eight-of-one-in-ten"),
    pytest.param(lambda at: 300.3 * (at // 10 == 50), [], id="one-stall-that-hit-ten"),
    pytest.param(lambda at: 300.3 * (at // 30 == 20), ["p99", "mean"], id="one-that-hit-thirty-decides-p99"),
    pytest.param(lambda at: 2000.3 * (at // 10 == 50), ["mean"], id="it-stood-still-for-two-seconds"),
]


@pytest.mark.parametrize(("added", "names"), ADDED)
def test_it_is_the_figures_that_decide(added, names):
    """More than a tenth, and more than a millisecond, of a percentile or of the mean of a step."""
    added_ms = added(np.arange(2_000)).astype(float)
    calls = calls_of(20 + added_ms)
    found = judge(with_delays(regular(8, 24), calls, added_ms), calls, [a_step()])
    text = "; ".join(one.text for one in found.excesses)

    assert {name for name in ("p50", "p95", "p99") if f"a {name} of" in text} | (
        {"mean"} if "a call over" in text else set()
    ) == set(names), text
    assert all(found.added_ms[name] is not None for name in ("p50", "p95", "p99"))
    assert not measure([], []).reported


def test_what_was_added_to_calls_that_ended_after_the_step_is_found():
    """A call of the step is done when its answer comes, in the time of a later report."""
    added_ms = np.where(np.arange(200) >= 180, 900.0, 0.0)
    calls = calls_of(20 + added_ms)
    found = judge(with_delays(regular(8, 24), calls, added_ms), calls, [a_step()])

    assert "it added 900" in found.excesses[0].text


@pytest.mark.parametrize(
    ("events", "text"),
    [
        pytest.param(regular(8, 22, cpu=0.94), "", id="busy-and-not-more"),
        pytest.param(regular(8, 22, cpu=0.97), "used 97% of a core over step 0", id="no-time-left"),
        pytest.param(
            [*regular(8, 19, cpu=0.97), *regular(19.5, 22, cpu=0.2)], "", id="not-over-the-whole-step"
        ),
        pytest.param(
            [*regular(8, 14), said(14.5, cpu=1.0, run_delay=0.9), *regular(15, 22)], "", id="a-bad-second"
        ),
        pytest.param(
            [*regular(8, 12), said(14, lag_ms=[1500.0]), *regular(14.5, 22)],
            "did not run for 15%",
            id="stopped",
        ),
        pytest.param(
            [*regular(8, 12), said(13, lag_ms=[400.0]), *regular(13.5, 22)], "", id="stopped-shortly"
        ),
        pytest.param(regular(8, 22, lag_ms=[19.0] * 10), "", id="late-but-there"),
    ],
)
def test_a_worker_without_time_or_away_is_the_bottleneck_over_a_whole_step_only(events, text):
    """Calls were sampled, and nothing noticeable was added to them: they were too few for that."""
    events = [happened(one.at_ns, name_of(one), data_of(one) | {"added_each": 1}) for one in events]
    found = judge(events, calls_of(np.full(100, 20.0)), [a_step()])

    assert [text in one.text for one in found.excesses] == ([True] if text else [])


def test_the_reports_of_a_short_step_are_not_those_of_its_end_and_of_the_teardown():
    """Nine of ten plain benches were unknown for what was told after them: `users: 0`, 80 ms of lag."""
    added = {"added_each": 1, "added_others_us": 90.0}
    events = [
        said(9.6, users=10, cpu=0.99, lag_ms=[40.0], **added),  # users begin
        said(10.1, users=10, cpu=0.9, lag_ms=[1.5], **added),
        said(10.6, users=10, cpu=0.4, lag_ms=[1.4], **added),
        said(11.1, users=0, cpu=0.99, run_delay=0.5, lag_ms=[80.0], **added),
    ]
    steps = [a_step(start_s=9.9, end_s=10.7)]
    calls = calls_of(np.full(50, 20.0), start_s=9.9, end_s=10.7)

    assert judge(events, calls, steps).excesses == ()
    health = measure(events, [(steps[0].start_ns, steps[0].end_ns)])
    assert (health.lag_ms_p99, health.run_delay_max) == (1.5, 0.02)
    assert health.cpu_max == pytest.approx((0.2 * 0.9 + 0.5 * 0.4) / 0.7, abs=1e-3)


def test_only_the_measured_seconds_count_by_their_length():
    """Starting users is hard work, and measured by nobody."""
    busy = [*regular(0, 2, cpu=0.99), *regular(2.5, 10, cpu=0.7), *regular(10.5, 12, cpu=0.99)]

    assert measure(busy, [(2 * S, 10 * S)]).cpu_max == 0.7
    assert measure(busy, [(2 * S, int(10.4 * S))]).cpu_max == pytest.approx(0.829, abs=1e-3)
    assert measure(busy, []).cpu_max == 0.99


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(1, 0.1), (1, 0.2), (1, 0.3)], [0.1, 0.2, 0.3]),
        ([(0.5, 0.0), (0.5, 0.0), (0.5, 0.2), (0.5, 0.0)], [0.0, 0.1, 0.1]),  # twice a second
        ([(3, 0.3), (0.5, 0.0)], [0.3, 0.2571]),  # one that took three seconds is told as it is
        ([(0.2, 0.4), (0.1, 0.1)], [0.3]),  # less than a second: all there is
        ([(1, 0.4)], [0.4]),
    ],
)
def test_a_second_is_made_of_its_reports(pieces, expected):
    """Half a second of waiting is not a second of it."""
    assert seconds([(length_s * S, share) for length_s, share in pieces]) == pytest.approx(expected, abs=1e-4)


def test_every_worker_has_seconds_of_its_own():
    """Two half seconds of two workers are no second of anybody."""
    reports = [said(at_s, worker=worker, run_delay=0.0) for at_s in (1, 1.5, 2) for worker in (0, 1)]
    reports += [said(2.5, worker=0, run_delay=0.15), said(2.5, worker=1), said(3, worker=1, run_delay=0.15)]

    assert measure(reports, []).run_delay_max == pytest.approx(0.085)


def test_health_that_nobody_reported_is_unknown():
    """Not healthy."""
    found = measure([], [])

    assert (found.cpu_max, found.lag_ms_p99, found.reported) == (None, None, False)
    assert judge([], calls_of(np.full(100, 20.0)), [a_step()]).added_ms == dict.fromkeys(
        ("p50", "p95", "p99")
    )
    assert judge([], calls_of(np.full(100, 20.0)), []).excesses == ()


def test_a_gauge_that_is_missing_is_not_a_crash():
    """An older worker that does not know its run delay."""
    events = [happened(11 * S, "generator", {"worker": 0, "cpu": 0.2})]
    found = measure(events, [])

    assert (found.cpu_max, found.run_delay_max, found.lag_ms_p99) == (0.2, None, None)
    assert found.reported
    assert judge(events, calls_of(np.full(100, 20.0)), [a_step()]).excesses == ()


def test_what_is_so_over_all_steps_is_said_first_and_else_no_more_than_two_steps():
    """Ten levels of a ramp have one reason."""
    steps = [a_step(index, 10 + index, 11 + index) for index in range(6)]
    added_ms = np.full(1_200, 9.0)
    calls = calls_of(20 + added_ms, end_s=16.0)
    events = with_delays(regular(8, 18), calls, added_ms)
    (whole,) = judge(events, calls, steps).words()
    assert "of the measured part" in whole or "over the measured part" in whole

    cpu = [
        happened(one.at_ns, name_of(one), data_of(one) | {"added_each": 1, "cpu": 0.99})
        for one in regular(8, 18)
    ]
    first, second = judge(cpu, calls, steps).words()
    assert "step 0" in first
    assert second.endswith("step 1 (limit 95%) (and 4 more of the kind)")
