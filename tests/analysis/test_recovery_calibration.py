"""How often the band of recovery is wrong, on simulated noise: false alarms of the placebo, and power.

Each run: load before, a placebo, twelve seconds after it. Calls come at random, times are log-normal (sigma);
`drift` moves the median slowly (an AR(1) walk of its logarithm), `spikes` triples it for a second now and then.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis import recovery
from harness.analysis.calls import Calls
from harness.analysis.faults import Fault
from harness.analysis.steps import Step
from tests.fakes.runs import MS, S, rows

RUNS = 100
FOR_S, AFTER_S, MEDIAN_MS = 5, 12, 20.0
ONE_OF_EACH = Calls.of(rows(2, outcome=np.array(["ok", "reset"])))


def run(
    seed, *, rate, sigma, before_s=30, failing=0.0, drift=0.0, spikes=0.0, slower=1.0, failing_after=None
):
    """One run, and what is found of its recovery."""
    rng = np.random.default_rng([seed, 17])
    healed_s = before_s + 1 + FOR_S
    total_s = healed_s + AFTER_S
    at_s = np.sort(rng.uniform(0, total_s, rng.poisson(rate * total_s)))
    second = at_s.astype(int)
    walk = np.zeros(total_s)
    for place in range(1, total_s):
        walk[place] = 0.8 * walk[place - 1] + 0.6 * drift * rng.normal()
    spike = np.where(rng.random(total_s) < spikes, 3.0, 1.0)
    after = at_s >= healed_s
    ms = MEDIAN_MS * rng.lognormal(0, sigma, len(at_s)) * (np.exp(walk) * spike)[second]
    ms = np.where(after, ms * slower, ms)
    share = np.where(after, failing if failing_after is None else failing_after, failing)
    intended = (at_s * S).astype(np.int64)
    done = intended + (ms * MS).astype(np.int64)
    calls = replace(
        ONE_OF_EACH.take((rng.random(len(at_s)) < share).astype(int)),
        intended_ns=intended,
        sent_ns=intended,
        done_ns=done,
    )
    step = Step(index=0, name="s", kind="sustain", users=5, rate=None, start_ns=0, end_ns=total_s * S)
    at_ns = {"on_ns": (before_s + 1) * S, "off_ns": healed_s * S, "healed_ns": healed_s * S}
    placebo = Fault(name="placebo", kind="noop", link="client", healed=True, **at_ns)
    return recovery.measure(calls, placebo, [step], [placebo])


PLACEBO = [
    # noise, the most of a hundred runs that may not recover at once
    ({"rate": 2.5, "sigma": 0.35}, 1),
    ({"rate": 2.5, "sigma": 1.0}, 2),
    ({"rate": 8, "sigma": 1.0}, 2),
    ({"rate": 50, "sigma": 0.5}, 1),
    ({"rate": 300, "sigma": 0.5}, 1),
    ({"rate": 50, "sigma": 0.5, "failing": 0.01}, 2),
    ({"rate": 8, "sigma": 0.5, "failing": 0.05}, 2),
    ({"rate": 50, "sigma": 0.5, "before_s": 5}, 2),
    ({"rate": 200, "sigma": 0.5, "drift": 0.1}, 1),
    ({"rate": 200, "sigma": 0.5, "drift": 0.2}, 5),
    ({"rate": 200, "sigma": 0.5, "spikes": 0.1}, 4),
]


@pytest.mark.parametrize(("noise", "most"), PLACEBO)
def test_the_placebo_recovers_at_once(noise, most):
    """In all but a few of a hundred runs, and it never fails to recover."""
    found = [run(seed, **noise) for seed in range(RUNS)]

    assert Counter(one.outcome for one in found) == {"recovered": RUNS}
    assert sum(one.recover_s != 0 for one in found) <= most


POWER = [
    # noise, what stays wrong for good, the least of a hundred runs that see it, and that say not recovered
    ({"rate": 2.5, "sigma": 0.35}, {"slower": 11}, 100, 100),
    ({"rate": 2.5, "sigma": 0.35}, {"slower": 3}, 90, 80),
    ({"rate": 2.5, "sigma": 0.35}, {"failing_after": 1.0}, 100, 100),
    ({"rate": 8, "sigma": 0.5}, {"slower": 3}, 100, 95),
    ({"rate": 8, "sigma": 0.5}, {"failing_after": 0.3}, 90, 80),
    ({"rate": 50, "sigma": 0.5}, {"slower": 2}, 100, 95),
    ({"rate": 50, "sigma": 0.5}, {"failing_after": 0.05}, 85, 70),
    ({"rate": 200, "sigma": 0.5, "drift": 0.1}, {"slower": 2}, 95, 90),
    ({"rate": 200, "sigma": 0.5, "spikes": 0.1}, {"slower": 11}, 100, 100),
]


@pytest.mark.parametrize(("noise", "wrong", "seen", "for_good"), POWER)
def test_what_stays_wrong_is_seen(noise, wrong, seen, for_good):
    """200 ms on top of 20 ms (eleven times slower) always, whatever the noise."""
    found = [run(seed, **noise, **wrong) for seed in range(RUNS)]

    assert sum(one.recover_s != 0 for one in found) >= seen
    assert sum(one.outcome == "not_recovered" for one in found) >= for_good


def test_a_quarter_slower_is_not_seen():
    """The price of tolerating drift, said in the module."""
    found = [run(seed, rate=50, sigma=0.5, slower=1.2) for seed in range(RUNS)]

    assert sum(one.recover_s == 0 for one in found) >= 95
