"""A trend: its series, a line of blocks, a page; what is marked stays marked, and nothing foreign gets out."""

import re

import numpy as np
import pytest
from msgspec import structs

from harness.history.comparison.measured import MeasuredRun
from harness.history.trend.page import page
from harness.history.trend.series import trend
from harness.history.trend.sparkline import BLOCKS, sparkline, text
from tests.fakes.measured import KIND, run


def nights(count: int = 40, at: int = 25) -> list[MeasuredRun]:
    """p95 is a tenth slower from one night on."""
    random = np.random.default_rng(2)
    noise = np.exp(random.normal(0, 0.01, count))
    return [
        run(86_400.0 * night, {"p95": 40 * float(noise[night]) * (1.1 if night >= at else 1.0)})
        for night in range(count)
    ]


COMMITS = {f"run-{86_400.0 * night:g}": f"{night:040x}" for night in range(40)}


def test_a_trend_has_a_series_a_figure_and_says_what_became_worse() -> None:
    """With the run and its commit; figures that stay have no change."""
    found = trend(nights(), COMMITS)
    by_name = {one.name: one for one in found.series}

    assert (found.scenario, found.runs, found.left_out) == ("night", 40, 0)
    assert [change.at for change in by_name["p95"].worse] == [25]
    assert by_name["p50"].changes == ()
    assert "steady: p95 became worse by 1" in text(found)
    assert re.search(r"run-2\.16e\+06 \(1970-01-26, 0{12}\)", text(found))


def test_a_false_positive_is_marked_and_is_no_worse() -> None:
    """It is still shown."""
    found = trend(nights(), {}, {("run-2.16e+06", "steady", "p95")})
    series = next(one for one in found.series if one.name == "p95")

    assert (series.marked, series.worse) == ((25,), ())
    assert "(false)" in text(found)
    assert "(marked as false)" in page(found)


def test_a_higher_throughput_is_nothing_worse() -> None:
    """The direction is the figure's."""
    runs = [run(86_400.0 * at, {"throughput": 200.0 + at % 2 + (60 if at >= 15 else 0)}) for at in range(30)]
    series = next(one for one in trend(runs, {}).series if one.name == "throughput")

    assert len(series.changes) == 1
    assert series.worse == ()


def test_runs_of_another_kind_and_unknown_ones_are_left_out() -> None:
    """The newest run's kind counts."""
    runs = nights()
    runs[3] = structs.replace(runs[3], kind=structs.replace(KIND, machine="other"))
    runs[4] = structs.replace(runs[4], verdict="unknown")
    found = trend(runs, {})

    assert (found.runs, found.left_out) == (38, 2)
    assert "2 left out" in text(found)
    assert trend([], {}).series == ()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([], ""),
        ([5.0], BLOCKS[0]),
        ([1.0, 1.0], BLOCKS[0] * 2),
        ([0.0, 1.0], BLOCKS[0] + BLOCKS[-1]),
        (list(range(8)), BLOCKS),
    ],
)
def test_a_sparkline_goes_from_lowest_to_highest(values: list[float], shown: str) -> None:
    """A block a value, or a block for several neighbours."""
    assert sparkline(values) == shown
    assert len(sparkline([float(at) for at in range(1000)])) == 40


def test_the_page_is_self_contained_and_says_every_run_on_hover() -> None:
    """No script; a title a point; what a run is called cannot be markup."""
    runs = [
        structs.replace(one, run_id=f"<script>{at}", scenario="<script>") for at, one in enumerate(nights())
    ]
    drawn = page(trend(runs, {"<script>3": "abc"}))

    assert "<script" not in drawn
    assert not re.search(r'(src|href)="', drawn)
    assert drawn.count("</title></circle>") == 4 * 40
    assert "1970-01-04, abc): 100%" in drawn or "1970-01-04, abc)" in drawn
    assert "prefers-color-scheme:dark" in drawn
