"""How often the bands of recovery are wrong, on simulated noise: false alarms of the placebo, and power."""

from collections import Counter

import pytest

from tests.analysis.calibration import FOUR_S, PLACEBO, POWER, run

pytestmark = pytest.mark.thorough
RUNS = pytest.mark.parametrize("runs", [20, pytest.param(100, marks=pytest.mark.long)])
OF_SEVERAL = 0.4  # loads with several tools are judged many times a run


def _fewer(runs, noise):
    return int(runs * OF_SEVERAL) if "tools" in noise else runs


def _share(runs, percent):
    return int(runs * percent / 100)


@RUNS
@pytest.mark.parametrize(("noise", "most"), PLACEBO)
def test_the_placebo_recovers_at_once(noise, most, runs):
    """In all but a few of a hundred runs, and it never fails to recover."""
    runs = _fewer(runs, noise)
    found = [run(seed, **noise) for seed in range(runs)]

    assert Counter(one.outcome for one in found) == {"recovered": runs}
    assert sum(one.recover_s != 0 for one in found) <= most


@RUNS
@pytest.mark.parametrize(("noise", "wrong", "seen", "for_good"), POWER)
def test_what_stays_wrong_is_seen(noise, wrong, seen, for_good, runs):
    """200 ms on top of 20 ms (eleven times slower) always, whatever the noise; one tool of two, one shard of three."""
    runs = _fewer(runs, noise)
    found = [run(seed, **noise, **wrong) for seed in range(runs)]

    assert sum(one.recover_s != 0 for one in found) >= _share(runs, seen)
    assert sum(one.outcome == "not_recovered" for one in found) >= _share(runs, for_good)


@RUNS
@pytest.mark.parametrize(("noise", "wrong", "right"), FOUR_S)
def test_four_seconds_are_told_as_four(noise, wrong, right, runs):
    """Of all calls, of one tool of two, of one shard of three."""
    runs = _fewer(runs, noise)
    found = [run(seed, **noise, **wrong, until_s=4).recover_s for seed in range(runs)]

    assert sum(one == 4.0 for one in found) >= _share(runs, right)


@RUNS
def test_a_quarter_slower_is_not_seen(runs):
    """The price of tolerating drift, said in the module."""
    found = [run(seed, rate=50, sigma=0.5, slower=1.2) for seed in range(runs)]

    assert sum(one.recover_s == 0 for one in found) >= _share(runs, 95)
