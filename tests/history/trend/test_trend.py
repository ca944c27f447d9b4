"""A trend: its series, a line of blocks, a page; what is marked stays marked, and nothing foreign gets out."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs

from harness.history.comparison.measured import MeasuredRun
from harness.history.over_time import Line, OverTime
from harness.history.over_time import Point as Night
from harness.history.record import Series as History
from harness.history.trend.page import page
from harness.history.trend.series import Trend, trend
from harness.history.trend.sparkline import BLOCKS, sparkline, text
from tests.fakes.measured import run


def over(
    runs: Sequence[MeasuredRun],
    commits: dict[str, str] | None = None,
    dismissed: frozenset[tuple[str, str, str]] = frozenset(),
) -> Trend:
    """The trend of runs, each a night of its own."""
    keys = {(v.of, v.name): v.unit for one in runs for v in one.values}
    return trend(
        OverTime(
            series=History(scenario=runs[0].scenario, scenario_hash="s", target="t", machine="m"),
            protocol="plain",
            points=tuple(
                Night(
                    name=one.run_id,
                    at_s=one.started_at_s,
                    commit=(commits or {}).get(one.run_id, ""),
                    version="1",
                    runs=1,
                )
                for one in runs
            ),
            lines=tuple(
                Line(
                    of=of,
                    name=name,
                    unit=unit,
                    values=tuple(
                        next((v.value for v in one.values if (v.of, v.name) == (of, name)), None)
                        for one in runs
                    ),
                )
                for (of, name), unit in keys.items()
            ),
            dismissed=dismissed,
        )
    )


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
    found = over(nights(), COMMITS)
    by_name = {one.name: one for one in found.series}

    assert (found.scenario, found.runs, found.nights) == ("night", 40, 40)
    assert [change.at for change in by_name["p95"].worse] == [25]
    assert by_name["p50"].changes == ()
    assert "steady: p95 became worse by 1" in text(found)
    assert re.search(r"run-2\.16e\+06 \(1970-01-26, 0{12}\)", text(found))


def test_a_false_positive_is_marked_and_is_no_worse() -> None:
    """It is still shown."""
    found = over(nights(), {}, frozenset({("run-2.16e+06", "steady", "p95")}))
    series = next(one for one in found.series if one.name == "p95")

    assert (series.marked, series.worse) == ((25,), ())
    assert "(false)" in text(found)
    assert "(marked as false)" in page([found])


def test_a_higher_throughput_is_nothing_worse() -> None:
    """The direction is the figure's."""
    runs = [run(86_400.0 * at, {"throughput": 200.0 + at % 2 + (60 if at >= 15 else 0)}) for at in range(30)]
    series = next(one for one in over(runs).series if one.name == "throughput")

    assert len(series.changes) == 1
    assert series.worse == ()


def test_a_night_that_does_not_have_the_figure_is_no_point() -> None:
    """A percentile of too few calls."""
    runs = nights()
    runs[3] = structs.replace(runs[3], values=tuple(v for v in runs[3].values if v.name != "p95"))
    series = next(one for one in over(runs).series if one.name == "p95")

    assert len(series.points) == 39


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
    drawn = page([over(runs, {"<script>3": "abc"})])

    assert "<script" not in drawn
    assert not re.search(r'(src|href)="', drawn)
    assert drawn.count("</title></circle>") == 4 * 40
    assert "1970-01-04, abc): 100%" in drawn or "1970-01-04, abc)" in drawn
    assert "prefers-color-scheme:dark" in drawn
