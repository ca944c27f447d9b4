"""What chance may show: against the formulas, done slowly, and against dice."""

from math import comb

import numpy as np
import pytest

from harness.analysis.statistics import chance


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


BETA_BINOMIALS = [
    # out of, of a beta distribution
    (1, 61, 1),
    (7, 12, 49),
    (100, 0.5, 3000.5),
    (300, 30.5, 2970.5),
    (2000, 0.5, 0.5),
    (2000, 100.5, 9900.5),
    (2000, 0.5, 1_000_000.5),
]


@pytest.mark.parametrize(("count", "a", "b"), BETA_BINOMIALS)
def test_the_chances_are_those_of_scipy(count, a, b):
    """Each number's, and that of so many or more: to nine decimals, where scipy itself has them."""
    from scipy import stats  # here only: it takes a second and a half to import

    expected = stats.betabinom.pmf(np.arange(count + 1), count, a, b)
    found = chance._chances(count, a, b)

    assert np.abs(found - expected).max() < 1e-9
    assert np.abs(found[::-1].cumsum() - expected[::-1].cumsum()).max() < 1e-9


@pytest.mark.parametrize(("count", "known"), [(1, 61), (1, 2000), (5, 40), (20, 60), (200, 90)])
def test_the_rank_of_a_median_is_that_of_scipy(count, known):
    """The first that is rarely exceeded, looked for one by one."""
    from scipy import stats

    least = count // 2 + 1
    rarely = [
        rank
        for rank in range(known)
        if stats.betabinom.sf(least - 1, count, known - rank, rank + 1) <= chance.RARE
    ]

    assert chance.median_rank(count, known) == (rarely[0] if rarely else None)


def test_a_great_many_calls_are_counted_in_proportion():
    """A second of fifty thousand calls costs no more than one of two thousand."""
    assert chance.failures_most(50_000, 100, 10_000) == pytest.approx(
        25 * chance.failures_most(2_000, 100, 10_000), abs=1
    )


def test_pauses_are_as_long_as_chance_makes_them():
    """None at a hundred calls a second, two seconds at three; without calls there is no telling."""
    assert [chance.pause_most_s(rate) for rate in (100, 7, 3, 1, 0)] == [0, 0, 2, 6, 0]
