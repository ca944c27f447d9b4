"""What the generator added to a percentile, against simulations in which the truth is known."""

import numpy as np
import pytest
from msgspec.structs import replace

from harness.analysis.calls.calls import Calls
from harness.analysis.health.error_budget import ErrorBudget, measure
from tests.fakes.events import data_of
from tests.fakes.events import event as happened
from tests.fakes.runs import MS, S, rows

EVERYWHERE: list[tuple[int, int]] = []


def calls_of(true_ms, added_ms, *, over_s=10.0):
    """Calls spread over the time, each slowed down by what the generator added to it; done at different times."""
    count = len(true_ms)
    response = np.round(np.asarray(true_ms, float) * MS + np.asarray(added_ms, float) * MS).astype(np.int64)
    done = 3 * S + np.arange(count) * int(over_s * S) // count
    return Calls.of(rows(count, intended_ns=done - response, done_ns=done))


def told(calls, true_ms, *, each=1, least_ms=0.25, seed=0):
    """What a worker reports of these calls twice a second: one in `each` is sampled, small delays as their mean."""
    order = np.argsort(calls.done_ns)
    added_us = ((calls.done_ns - calls.intended_ns)[order] - np.round(true_ms * MS)) / 1000
    done = calls.done_ns[order]
    sampled = np.arange(len(done)) % each == np.random.default_rng(seed).integers(each)
    events = []
    for end in range(3 * S, int(done[-1]) + S, S // 2):
        inside = sampled & (done > end - S // 2) & (done <= end)
        listed = inside & (added_us >= least_ms * 1000)
        others = added_us[inside & ~listed]
        pairs = np.column_stack([end - done[listed], added_us[listed].astype(int)]).ravel().tolist()
        data = {"worker": 0, "users": 1, "added_each": each, "added": pairs}
        events.append(
            happened(
                end, "generator", data | {"added_others_us": float(others.mean()) if len(others) else None}
            )
        )
    return events


def simulated(true_ms, added_ms, **how):
    calls = calls_of(true_ms, added_ms)
    return calls, measure(told(calls, np.asarray(true_ms, float), **how), EVERYWHERE)


def percentile(values, per_mille):
    return float(np.sort(values)[-(-len(values) * per_mille // 1000) - 1])


def test_a_percentile_is_compared_with_what_it_would_have_been():
    """The drawing of the module: one call of ten was delayed by 10 ms."""
    true, added = np.full(10, 5.0), np.array([0.0] * 9 + [10.0])
    calls, budget = simulated(true, added)

    assert budget.added_to(calls, [900, 999]) == pytest.approx([0.0, 10.0])
    assert budget.mean_ms(calls) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("true", "added"),
    [
        pytest.param("fixed", "none", id="nothing-added"),
        pytest.param("fixed", "little", id="a-little-each"),
        pytest.param("fixed", "tail", id="one-in-twenty-by-10-ms"),
        pytest.param("lognormal", "little", id="spread-and-a-little-each"),
        pytest.param("lognormal", "tail", id="spread-and-one-in-twenty"),
        pytest.param("lognormal", "slowest", id="the-slow-ones-are-delayed"),
        pytest.param("lognormal", "quickest", id="the-quick-ones-are-delayed"),
        pytest.param("lognormal", "stall", id="three-stalls"),
    ],
)
@pytest.mark.parametrize("each", [1, 8])
def test_what_was_added_is_found_whatever_it_has_to_do_with_the_call(true, added, each):
    """Exactly when every call was sampled; within a few hundredths of the percentile when one in eight was."""
    rng = np.random.default_rng(5)
    count = 20_000
    true_ms = np.full(count, 20.0) if true == "fixed" else 20 * rng.lognormal(0, 0.5, count)
    ranks = np.argsort(np.argsort(true_ms)) / count
    place = np.arange(count) % 6_000
    added_ms = {
        "none": np.zeros(count),
        "little": rng.exponential(0.1, count),
        "tail": 10.0 * (rng.random(count) < 0.05),
        "slowest": 15.0 * (ranks > 0.9),
        "quickest": 15.0 * (ranks < 0.1),
        "stall": np.where(place < 200, 100.0 * (1 - place / 200), 0.05),
    }[added]

    calls, budget = simulated(true_ms, added_ms, each=each)
    for per_mille in (500, 950, 990):
        observed = percentile(true_ms + added_ms, per_mille)
        truth = observed - percentile(true_ms, per_mille)
        close = 0.25 if each == 1 else 0.25 + 0.03 * observed  # the rest is in a mean
        assert budget.added_ms(calls, per_mille) == pytest.approx(truth, abs=close), per_mille
    assert budget.mean_ms(calls) == pytest.approx(added_ms.mean(), abs=0.02 + 0.2 * added_ms.mean())


def test_a_part_of_the_calls_has_its_own_budget():
    """Only calls of the first half of the time were delayed: an objective on the second half is not concerned."""
    true_ms = np.full(2_000, 10.0)
    added_ms = np.where(np.arange(2_000) < 1_000, 5.0, 0.0)
    calls, budget = simulated(true_ms, added_ms)
    half = int(np.median(calls.done_ns))
    early, late = calls.take(calls.done_ns < half), calls.take(calls.done_ns >= half)

    assert budget.added_ms(early, 950) == pytest.approx(5.0, abs=0.01)
    assert budget.added_ms(late, 950) == pytest.approx(0.0, abs=0.01)


def test_calls_that_failed_lie_above_all_others():
    """With half of the calls infinitely slow p95 is so too, and no generator made it that; p25 moves up the order."""
    true_ms = np.linspace(1, 100, 1_000)
    calls, budget = simulated(true_ms, np.zeros(1_000) + 3.0)

    assert budget.added_ms(calls, 950, beyond=1_000) == 0.0
    assert budget.added_ms(calls, 450, beyond=1_000) == pytest.approx(3.0, abs=0.2)


def test_only_reports_of_the_measured_time_count():
    """What was added to the others, while users started, is no part of the step."""
    events = [
        happened(3 * S, "generator", {"worker": 0, "added_each": 1, "added_others_us": 200.0}),
        happened(4 * S, "generator", {"worker": 0, "added_each": 1, "added_others_us": 40.0}),
        happened(6 * S, "generator", {"worker": 0, "added_each": 1, "added_others_us": 100.0}),
        happened(7 * S, "generator", {"worker": 0, "added_each": 1, "added_others_us": 900.0}),
    ]
    calls = calls_of(np.full(100, 10.0), np.zeros(100))

    assert measure(events, [(3 * S, 6 * S)]).added_ms(calls, 500) == pytest.approx(
        0.08
    )  # a third, two thirds


def test_a_mean_is_of_calls_not_of_time():
    """Twenty quick seconds of 100 calls, then twenty slow ones of 5: the quick ones are most of what was called."""
    quick, slow = np.arange(3 * S, 23 * S, S // 100), np.arange(23 * S, 43 * S, S // 5)
    done = np.concatenate([quick, slow]) + 1
    calls = Calls.of(rows(len(done), intended_ns=done - 10 * MS, done_ns=done))
    events = [
        happened(
            at, "generator", {"worker": 0, "added_each": 1, "held_us": held, "added_others_us": held / 10}
        )
        for at, held in ((3 * S, 0.0), (23 * S, 1_000.0), (43 * S, 150_000.0))
    ]
    budget = measure(events, EVERYWHERE)
    held_ms = (len(quick) * 1.0 + len(slow) * 150.0) / len(done)

    assert budget.held_ms(calls) == pytest.approx(held_ms)
    assert budget.cycle_ms(calls) == pytest.approx(held_ms * 1.1)
    assert budget.held_ms(calls.take(calls.done_ns > 23 * S)) == pytest.approx(150.0)


def test_without_kernel_time_stamps_the_lag_stands_in():
    """Two workers; one was asleep for 200 ms, in which ten of its hundred calls waited: too much is said, not too little."""
    true_ms = np.full(200, 10.0)
    added_ms = np.zeros(200)
    added_ms[100:120:2] = np.linspace(200, 20, 10)
    calls = calls_of(true_ms, added_ms, over_s=2.0)
    calls = calls.take(slice(None))
    object.__setattr__(calls, "worker", np.arange(200) % 2)
    quiet = {"users": 1, "lag_ms": [0.05] * 10}
    events = [
        happened(int((2.5 + at / 2) * S), "generator", {"worker": worker} | quiet)
        for at in range(6)
        for worker in (0, 1)
    ]
    asleep = next(one for one in events if one.at_ns == 4_500_000_000 and data_of(one)["worker"] == 0)
    events[events.index(asleep)] = replace(asleep, lag_ms=[200.0, *[0.05] * 6])
    budget = measure(events, EVERYWHERE)

    assert budget.added_ms(calls, 500) == pytest.approx(0.0, abs=0.06)
    observed = percentile(true_ms + added_ms, 960)
    assert budget.added_ms(calls, 960) >= observed - 10.0 - 1.0
    assert budget.added_ms(calls, 960) <= observed


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"worker": 0, "cpu": 0.2}, id="an-old-worker"),
        pytest.param({"worker": 0, "lag_ms": []}, id="no-probe-yet"),
        pytest.param({"worker": 0, "added_each": 0}, id="nothing-could-be-sampled"),
    ],
)
def test_what_nobody_measured_is_not_known(data):
    """Which is not zero."""
    calls = calls_of(np.full(100, 10.0), np.zeros(100))
    budget = measure([happened(4 * S, "generator", data)], EVERYWHERE)

    assert budget.added_ms(calls, 500) is None
    assert budget.mean_ms(calls) is None
    assert measure([], EVERYWHERE).is_known is False


def test_no_call_has_no_budget():
    """Of a percentile that there is not."""
    calls, budget = simulated(np.full(10, 5.0), np.zeros(10))
    assert budget.added_ms(calls.take(slice(0, 0)), 500) is None
    assert isinstance(budget, ErrorBudget)
