"""The figures of a search for capacity: what it found, and none of its trials."""

from pathlib import Path

from harness.history.comparison import run_figures
from harness.run_directory.results.glance import (
    Glance,
    SeenFound,
    SeenLatency,
    SeenStep,
    SeenTimes,
    SeenTotals,
)

TIMES = SeenLatency(response=SeenTimes(p50=10.0, p95=20.0))
TRIAL = SeenStep(index=0, kind="capacity", users=8, throughput_rps=100.0, latency_ms=TIMES)
FOUND = SeenFound(step="fits", unit="users", word="found", value=36.0, interval=(31.0, 40.0))
BOUND = SeenFound(step="more", unit="per_s", word="at_least", value=500.0)


def test_a_search_has_the_load_that_it_found_as_its_figure_and_no_trial() -> None:
    """Trials are each at another load. A bound is no number."""
    seen = Glance(
        verdict="pass",
        totals=SeenTotals(requests=1000, throughput_rps=90.0),
        latency_ms=TIMES,
        steps=(TRIAL,),
        found_capacity=(FOUND, BOUND),
    )
    values = run_figures.of_result(seen, {}, {0: "fits 1"}, "hash", Path("run")).values

    assert [(one.of, one.name, one.unit, one.value, one.leading) for one in values] == [
        ("fits", "found capacity", "count", 36.0, True)
    ]
    assert 2.7 < values[0].doubt < 2.8
