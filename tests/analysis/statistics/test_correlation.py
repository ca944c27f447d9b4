"""How many independent calls correlated ones are worth: bursts count once, independent calls in full."""

import numpy as np
import pytest

from harness.analysis.statistics.confidence import ONE_END
from harness.analysis.statistics.correlation import effective


def bursts(calls, each, bad):
    """So many bursts of failures, `each` long, spread over the calls."""
    marked = np.zeros(calls, dtype=bool)
    for number in range(bad):
        first = number * calls // bad + (number * 7) % 5
        marked[first : first + each] = True
    return marked


def test_independent_calls_count_in_full():
    """But for one time in some ten, when they look correlated by chance."""
    rng = np.random.default_rng(1)
    found = [effective(rng.random(2000) < 0.05, [2000], ONE_END) for _ in range(100)]

    assert sum(one == 2000 for one in found) >= 75
    assert min(found) > 500


def test_one_stall_is_one():
    """Twenty failures in a row of a thousand calls say little more than a single one."""
    assert effective(bursts(1000, 20, 1), [1000], ONE_END) < 100
    assert effective(bursts(1000, 1, 20), [1000], ONE_END) == 1000


@pytest.mark.parametrize("marked", [np.zeros(50, dtype=bool), np.ones(50, dtype=bool), np.arange(6) < 3])
def test_what_never_differs_or_is_too_little_shows_no_correlation(marked):
    """All of the calls count."""
    assert effective(marked, [len(marked)], ONE_END) == len(marked)


def test_what_differs_by_design_is_no_correlation():
    """A level that fails and one that does not, each for itself; taken as one they would look like a burst."""
    marked = np.concatenate([np.zeros(500, dtype=bool), np.arange(500) % 5 == 0])

    assert effective(marked, [500, 500], ONE_END) == 1000
    assert effective(marked, [1000], ONE_END) < 300


@pytest.mark.parametrize("parts", [[0, 3, 997], [997, 3, 0], [1] * 1000, [8] * 125, [0, 0, 1000]])
def test_parts_of_any_length_are_cut(parts):
    """Small ones are joined to their neighbours; nothing is lost."""
    marked = np.random.default_rng(3).random(1000) < 0.1

    assert 1 <= effective(marked, parts, ONE_END) <= 1000
