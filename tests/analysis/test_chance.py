"""What chance may show: against the formulas, done slowly, and against dice."""

from math import comb

import numpy as np
import pytest

from harness.analysis import chance


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 20, 101])
def test_the_median_of_a_few_calls_exceeds_its_level_rarely(count):
    """By the binomial formula: at most one time in a thousand, and no more careful than needed."""

    def exceeding(share):
        least = count // 2 + 1
        return sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(least, count + 1))

    share = 1 - chance.median_level(count)

    assert exceeding(share) <= chance.RARE * (1 + 1e-9)
    assert exceeding(min(1.0, share * 1.01)) > chance.RARE


def test_more_calls_say_more():
    """From the very slowest call down to the median itself."""
    levels = [chance.median_level(count) for count in (1, 3, 9, 27, 81, 243, 2000)]

    assert levels == sorted(levels, reverse=True)
    assert levels[0] == pytest.approx(0.999, abs=1e-4)
    assert 0.5 < levels[-1] < 0.54
    assert chance.median_level(10**9) == levels[-1]


FAILURES = [
    # calls in a second, failed of decided before, most that are no news
    (100, 0, 3000, 1),
    (1, 0, 3000, 0),
    (3, 0, 3000, 0),
    (100, 30, 3000, 5),
    (10, 50, 100, 10),
]


@pytest.mark.parametrize(("count", "failed", "decided", "most"), FAILURES)
def test_the_failures_that_are_no_news(count, failed, decided, most):
    """Worked out once by dice, and held."""
    rng = np.random.default_rng(5)
    shares = rng.beta(failed + 0.5, decided - failed + 0.5, 400_000)
    thrown = rng.binomial(count, shares)

    assert chance.failures_most(count, failed, decided) == most
    assert np.mean(thrown > most) <= chance.RARE * 1.2
    assert most == 0 or np.mean(thrown > most - 1) > chance.RARE * 0.8


def test_a_great_many_calls_are_counted_in_proportion():
    """A second of fifty thousand calls costs no more than one of two thousand."""
    assert chance.failures_most(50_000, 100, 10_000) == pytest.approx(
        25 * chance.failures_most(2_000, 100, 10_000), abs=1
    )


def test_pauses_are_as_long_as_chance_makes_them():
    """None at a hundred calls a second, two seconds at three; without calls there is no telling."""
    assert [chance.pause_most_s(rate) for rate in (100, 7, 3, 1, 0)] == [0, 0, 2, 6, 0]
