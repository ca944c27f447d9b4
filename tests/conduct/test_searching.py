"""Searches for capacity, conducted from a scenario to a verdict on the simulated engine: its capacity is known."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from harness.conduct.run_values import FinishedRun
from harness.load.simulated import SimulatedServer
from harness.report.html import html
from harness.report.terminal import render
from harness.run_directory.results import FoundCapacity
from tests.conduct.test_run import conduct

pytestmark = pytest.mark.parts  # a run has a janitor


def search(**keys: Any) -> list[dict[str, Any]]:
    return [{"name": "fits", "capacity": {"objectives": ["p95 < 100ms"], "within": "3m"} | keys}]


def found_in(finished: FinishedRun) -> FoundCapacity:
    assert finished.reading is not None
    found = finished.reading.summary.found_capacity
    assert found is not UNSET
    (one,) = found
    return one


async def test_users_are_searched_for_and_the_number_has_an_interval_and_a_reason(tmp_path: Path) -> None:
    """100 calls a second, 45 users: 450 ms, and with a spread of 5 % one call in twenty takes more than 500 ms from 47 on."""
    server = SimulatedServer(service_ms=20, capacity_rps=100, spread=0.05)
    finished = await conduct(tmp_path, search(objectives=["p95 < 500ms", "success_rate >= 99%"]), server)

    one = found_in(finished)
    assert one.interval is not None
    low, high = one.interval
    assert (one.word, one.limited_by, one.unit) == ("found", "p95 < 500ms", "users")
    assert low <= 46 <= high + 1
    assert high - low <= 6
    assert finished.exit_code == 0
    assert [step.kind for step in finished.reading.summary.steps] == ["capacity"] * len(one.trials)  # type: ignore[union-attr]


async def test_a_limit_of_users_is_found_by_success(tmp_path: Path) -> None:
    """Above 20 users calls are refused."""
    server = SimulatedServer(service_ms=20, capacity_rps=200, limit_users=20, spread=0.05)
    finished = await conduct(tmp_path, search(objectives=["p95 < 1s", "success_rate >= 99%"], to=100), server)

    one = found_in(finished)
    assert (one.word, one.limited_by) == ("found", "success_rate >= 99%")
    assert one.interval is not None
    assert one.interval[0] <= 20 <= one.interval[1]


@pytest.mark.parametrize(
    ("keys", "server", "word", "exit_code"),
    [
        ({"to": 8}, SimulatedServer(), "at_least", 0),
        ({"objectives": ["p95 < 1ms"]}, SimulatedServer(), "below", 1),
        ({"within": "4s"}, SimulatedServer(capacity_rps=100_000), "at_least", 3),
    ],
    ids=["the largest that was asked for holds", "nothing holds", "no time"],
)
async def test_what_is_no_number_says_so(
    keys: dict[str, Any], server: SimulatedServer, word: str, exit_code: int, tmp_path: Path
) -> None:
    """At least so many; not even one; unknown when the server's limit was not seen."""
    finished = await conduct(tmp_path, search(**keys), server)

    assert (found_in(finished).word, finished.exit_code) == (word, exit_code)


async def test_the_report_has_the_answer_and_the_trials(tmp_path: Path) -> None:
    """First in the terminal; a chart and a table in the page."""
    finished = await conduct(
        tmp_path, search(objectives=["p95 < 500ms"]), SimulatedServer(capacity_rps=100, spread=0.05)
    )
    assert finished.reading is not None

    assert "90% interval" in render(finished.reading, colour=False)
    page = html(finished.reading)
    assert "<h2>Capacity</h2>" in page
    assert "Trials of the search" in page
