"""What a gateway adds, of runs whose figures are known."""

import pytest

from harness.history.comparison.gateway import Spent, cost, lines
from tests.fakes.measured import run

DIRECT = [run(at, {"p50": p50, "p95": 40.0}) for at, p50 in enumerate((20.0, 21.0, 19.0, 20.0))]
THROUGH = [run(at + 0.5, {"p50": p50, "p95": 45.0}) for at, p50 in enumerate((25.1, 25.9, 24.0, 25.0))]
FINE, LOSSY = Spent(calls=1000, failed=0), Spent(calls=900, failed=3, cpu_s=0.9, rss_mb=21.0)


def test_the_difference_is_that_of_neighbours_and_has_an_interval() -> None:
    found = cost("http://g/mcp", DIRECT, THROUGH, [FINE] * 4, [LOSSY] * 4)
    added = {one.name: one.added_ms for one in found.added}

    assert added["p50"].value == pytest.approx(5.0)
    low, high = added["p50"].interval
    assert low < 5.0 < high
    assert high - low < 0.5  # the pairs differ by 0.1: what both share is no noise
    assert added["p95"].interval == (5.0, 5.0)
    assert (found.failed_direct, found.failed_through) == ((0, 4000), (12, 3600))
    assert found.cpu_ms_a_call.value == pytest.approx(1.0)
    assert found.memory_mb == 21.0


def test_two_pairs_tell_no_interval_and_a_process_that_was_not_seen_costs_nobody_knows_what() -> None:
    found = cost("http://g/mcp", DIRECT[:2], THROUGH[:2], [FINE] * 2, [FINE] * 2)
    table = lines(found)

    assert [one.added_ms.interval for one in found.added] == [None, None]
    assert (found.cpu_ms_a_call, found.memory_mb) == (None, None)
    assert [row[0] for row in table] == ["Of", "steady", "steady", "calls"]
    assert table[1][-1] == "unknown"


def test_without_runs_nothing_is_added() -> None:
    assert cost("http://g/mcp", [], [], [], []).added == ()
