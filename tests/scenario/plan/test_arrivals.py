"""The schedule of open load: by rate and seed, dealt out to workers, and moved by nothing."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.plan.arrivals import offsets_ns, proportional, share_ns, split
from harness.scenario.plan.plan import Arrivals

SECOND = 1_000_000_000


def first(arrivals: Arrivals, count: int, seed: str = "1") -> list[int]:
    return list(islice(offsets_ns(arrivals, seed), count))


def test_constant_arrivals_are_evenly_spaced_and_the_first_is_at_once() -> None:
    """The drawing in the module."""
    assert first(Arrivals(rate_per_s=4), 5) == [0, SECOND // 4, SECOND // 2, 3 * SECOND // 4, SECOND]


@given(st.floats(0.01, 100_000), st.integers(1, 1000))
def test_no_error_adds_up_over_the_arrivals(rate: float, number: int) -> None:
    """Each is as exact as the first, at any rate."""
    (last,) = islice(offsets_ns(Arrivals(rate_per_s=rate), ""), number, number + 1)

    assert last == pytest.approx(number * SECOND / rate, abs=1)


def test_poisson_arrivals_have_their_rate_and_exponential_pauses() -> None:
    """Mean and variation of the pauses, over 20,000 of them."""
    times = first(Arrivals(rate_per_s=100, kind="poisson"), 20_000)
    pauses = [b - a for a, b in pairwise(times)]
    mean = sum(pauses) / len(pauses)
    spread = (sum((pause - mean) ** 2 for pause in pauses) / len(pauses)) ** 0.5

    assert mean == pytest.approx(SECOND / 100, rel=0.03)
    assert spread == pytest.approx(mean, rel=0.03)


def test_the_seed_decides_and_nothing_else() -> None:
    """Twice the same, and another one differs."""
    poisson = Arrivals(rate_per_s=10, kind="poisson")

    assert first(poisson, 50, "7:1") == first(poisson, 50, "7:1") != first(poisson, 50, "7:2")


@given(
    st.sampled_from(["constant", "poisson"]), st.integers(1, 8), st.integers(0, 200), st.integers(0, 10**6)
)
def test_the_shares_of_any_number_of_workers_sum_to_the_whole(
    kind: str, workers: int, count: int, seed: int
) -> None:
    """The same arrivals, each in exactly one share."""
    arrivals = Arrivals(rate_per_s=50, kind=kind)  # type: ignore[arg-type]
    dealt = [
        at_ns
        for worker in range(workers)
        for at_ns in islice(
            share_ns(arrivals, str(seed), worker, workers),
            -(-(count - worker) // workers) if count > worker else 0,
        )
    ]

    assert sorted(dealt) == first(arrivals, count, str(seed))


@given(st.integers(0, 10**6), st.integers(1, 64))
def test_parts_of_a_number_sum_to_it_and_differ_by_one_at_most(whole: int, workers: int) -> None:
    """Places in a queue, sessions of a pool."""
    parts = [split(whole, worker, workers) for worker in range(workers)]

    assert sum(parts) == whole
    assert max(parts) - min(parts) <= 1


@given(st.integers(0, 10**6), st.lists(st.integers(0, 1000), min_size=1, max_size=10))
def test_parts_by_size_sum_to_the_whole_and_who_has_nothing_gets_nothing(
    whole: int, sizes: list[int]
) -> None:
    """Calls of a step by count, by the users of each worker."""
    shares = proportional(whole, {str(number): size for number, size in enumerate(sizes)})

    assert sum(shares.values()) == (whole if sum(sizes) else 0)
    assert all(shares[str(number)] == 0 for number, size in enumerate(sizes) if not size)
