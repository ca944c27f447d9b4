"""Percentiles: nearest rank, only with ten values above, the same as a slow and literal version."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from harness.analysis.calls import latency
from harness.analysis.calls.calls import Calls
from harness.scenario.catalogue import QUANTILES
from tests.fakes.results import plain
from tests.fakes.runs import MS, rows


def literal(values, per_mille):
    """The smallest value that at least that share of the values do not exceed, if ten lie above its rank."""
    count = len(values)
    if count * (1000 - per_mille) < 10_000:
        return None
    return next(
        one for one in sorted(values) if 1000 * sum(other <= one for other in values) >= per_mille * count
    )


@given(st.lists(st.integers(0, 50), max_size=260), st.sampled_from([500, 900, 950]))
def test_percentiles_agree_with_the_literal_definition(values, per_mille):
    """Ties and all."""
    name = next(name for name, share in QUANTILES.items() if share == per_mille)

    found = latency.percentiles(np.array(values, dtype=np.int64), [name])

    assert found[name] == literal(values, per_mille)


@pytest.mark.parametrize(
    ("name", "enough"), [("p50", 20), ("p90", 100), ("p95", 200), ("p99", 1000), ("p999", 10_000)]
)
def test_a_percentile_needs_ten_values_above_it(name, enough):
    """One value fewer, and it is not given."""
    values = np.arange(1, enough + 1, dtype=np.int64)

    assert latency.needed(QUANTILES[name]) == enough
    assert latency.percentiles(values[:-1])[name] is None
    assert latency.percentiles(values)[name] == enough - 10


def test_known_answers_of_a_thousand_values():
    """1 ms to 1000 ms, shuffled."""
    values = np.random.default_rng(1).permutation(np.arange(1, 1001)) * MS

    assert plain(latency.table(values)) == {
        "mean": 500.5,
        "p50": 500.0,
        "p90": 900.0,
        "p95": 950.0,
        "p99": 990.0,
        "p999": None,
        "max": 1000.0,
    }


def test_of_no_value_nothing_is_known_and_of_one_the_mean_and_the_maximum():
    """Mean and maximum are facts, not estimates."""
    assert set(astuple(latency.table(np.array([], dtype=np.int64)))) == {None}

    one = plain(latency.table(np.array([7 * MS], dtype=np.int64)))
    assert one == dict.fromkeys(QUANTILES) | {"mean": 7.0, "max": 7.0}


def test_response_counts_from_the_intended_start_and_service_from_sending():
    """30 ms waiting, 10 ms on the wire; failed calls are in neither table."""
    intended = np.arange(100, dtype=np.int64) * MS
    frame = rows(
        100,
        intended_ns=intended,
        sent_ns=intended + 30 * MS,
        done_ns=intended + 40 * MS,
        outcome=["ok"] * 60 + ["timeout"] * 40,
    )

    found = latency.tables(Calls.of(frame))

    assert (found.response.p50, found.service.p50) == (40.0, 10.0)
    assert found.response.p90 is None  # of 60 ok calls only 6 lie above


@given(st.integers(1, 5000), st.sampled_from(list(QUANTILES.values())))
def test_the_rank_is_exact_in_whole_numbers(count, per_mille):
    """No floating point decides which value is taken."""
    assert latency.rank(count, per_mille) == math.ceil(count * per_mille / 1000 - 1e-9) - 1
