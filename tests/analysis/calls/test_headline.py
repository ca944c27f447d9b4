"""The intervals beside the headline figures, and percentiles that sit on a jump."""

import numpy as np
import pytest
from msgspec.structs import asdict

from harness.analysis.calls import headline
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, S, rows


def calls(ms, **columns):
    """A hundred a second."""
    count = len(ms)
    intended = np.arange(count, dtype=np.int64) * (S // 100)
    return Calls.of(
        rows(
            count, intended_ns=intended, done_ns=intended + (np.asarray(ms) * MS).astype(np.int64), **columns
        )
    )


def test_every_figure_has_its_interval():
    """Around the figure, and around the truth."""
    ms = np.random.default_rng(1).exponential(20, 4000)
    outcome = np.where(np.arange(4000) % 100 == 0, "reset", "ok")
    found = asdict(headline.measure(calls(ms, outcome=outcome), []).intervals)
    right = {"success_rate": 0.99, "throughput_rps": 99.0, "p50_ms": 13.86, "p95_ms": 59.9, "p99_ms": 92.1}

    assert found.keys() == right.keys()
    for name, value in right.items():
        low, high = found[name]
        assert low <= value <= high, name
        assert high - low < value / 4, name


def test_where_there_is_no_figure_there_is_no_interval():
    """Nothing of nothing; no percentile that is not shown."""
    assert set(asdict(headline.measure(calls([]), []).intervals).values()) == {None}
    few = headline.measure(calls(np.full(100, 20.0)), []).intervals
    assert (few.p50_ms, few.p95_ms, few.p99_ms) == ((20.0, 20.0), None, None)


JUMPS = [
    # share of calls of 200 ms among those of 10 ms, and which percentile sits on the jump
    (0.05, ["p95"]),
    (0.5, ["p50"]),
    (0.01, ["p99"]),
    (0.25, []),
    (0.0, []),
]


@pytest.mark.parametrize(("share", "names"), JUMPS)
def test_a_percentile_between_two_groups_is_told_of(share, names):
    """4,000 calls, each 10 or 200 ms, give or take a tenth."""
    rng = np.random.default_rng(2)
    slow = rng.permutation(np.arange(4000) < share * 4000)
    jumps = headline.measure(calls(np.where(slow, 200, 10) * rng.lognormal(0, 0.1, 4000)), []).jumps

    assert [one.name for one in jumps] == names
    assert all(8 < one.below_ms < 16 and 120 < one.above_ms < 220 for one in jumps)


@pytest.mark.parametrize("count", [50, 300, 5000])
def test_a_wide_distribution_has_no_jump(count):
    """However few calls: exponential and log-normal times have one group."""
    rng = np.random.default_rng(count)
    for _ in range(20):
        assert headline.measure(calls(rng.exponential(20, count)), []).jumps == ()
        assert headline.measure(calls(20 * rng.lognormal(0, 1, count)), []).jumps == ()
