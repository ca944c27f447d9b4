"""Fault lanes: where bars and labels stand, and that they are told apart without colour."""

import itertools
import re

import pytest

from harness.report import lanes, palette
from harness.report.charts import renditions
from harness.report.drawing import HEAD_PX
from harness.report.reading import read
from tests.fakes.runs import Run, faults

WIDE, NARROW = 900, 350


def reading(path, *placed, seconds=90, **how):
    """A run with faults at these times, (start, length) each."""
    run = Run()
    for number, (at_s, for_s) in enumerate(placed):
        run.fault(f"fault-{number}", at_s, for_s, **how)
    run.level(5, seconds=seconds, rps=20, kind="sustain")
    run.end()
    return read(run.write(path))


def arranged(path, *placed, width=WIDE, **how):
    return lanes.arrange(reading(path, *placed, **how), 1.0, 91.0, width)


def test_faults_apart_share_a_lane_and_faults_together_do_not(tmp_path):
    """Each label has room; a bar at the right end has its label before it."""
    bars = arranged(tmp_path, (10, 5), (12, 5), (36, 5), (85, 5))

    assert [(bar.lane, bar.before) for bar in bars] == [(0, False), (1, False), (0, False), (0, True)]
    assert lanes.count(bars) == 2


def test_there_are_never_more_than_a_few_lanes_and_bars(tmp_path):
    """A hundred faults: what has no room for its words is a bar without; the rest is in the table."""
    bars = arranged(tmp_path, *[(2 + 0.8 * number, 0.5) for number in range(100)])

    assert len(bars) == lanes.MOST
    assert lanes.count(bars) <= lanes.LANES
    assert {bar.label == "" for bar in bars} == {True, False}


@pytest.mark.parametrize(("count", "length"), [(20, 2.0), (20, 0.2), (38, 0.5), (9, 8.0)])
def test_no_bar_stands_on_the_words_of_another(tmp_path, count, length):
    """Names only where whole labels have no room; then some have no words."""
    bars = arranged(tmp_path, *[(2 + 85 / count * number, length) for number in range(count)])

    s_a_px = 90 / WIDE
    for lane in range(lanes.LANES):
        spans = []
        for bar in (bar for bar in bars if bar.lane == lane):
            words_s = (len(bar.label) * lanes.CHARACTER_PX + lanes.GAP_PX) * s_a_px if bar.label else 0
            spans.append((bar.start_s - words_s * bar.before, bar.recovered_s + words_s * (not bar.before)))
        assert all(left[1] <= right[0] + 1e-9 for left, right in itertools.pairwise(sorted(spans)))
    assert any(bar.label for bar in bars)


def test_a_short_fault_can_be_seen_and_none_leaves_the_picture(tmp_path):
    """A tenth of a second in a minute and a half; one that began before the first call, one to the end."""
    bars = arranged(tmp_path, (0.2, 3), (40, 0.1), (85, 30))

    assert all(1.0 <= bar.start_s < bar.end_s <= bar.recovered_s <= 91.0 for bar in bars)
    assert min(bar.end_s - bar.start_s for bar in bars) == pytest.approx(90 / WIDE * lanes.LEAST_PX)


def test_hatching_tells_links_and_what_was_not_verified(tmp_path):
    """Without colour."""
    client = arranged(tmp_path / "a", (10, 5))
    database = arranged(tmp_path / "b", (10, 5), link="database")
    unverified = arranged(tmp_path / "c", (10, 5), why="it did not show")

    assert len({bars[0].hatch for bars in (client, database, unverified)}) == 3
    assert unverified[0].hatch == ""
    assert unverified[0].label == "fault-0: ? not verified"


def test_a_narrow_chart_has_names_only(tmp_path):
    """There is no room for more."""
    assert arranged(tmp_path, (10, 5), width=NARROW)[0].label == "fault-0"


def test_a_fault_that_never_came_is_not_drawn(tmp_path):
    """The table says why."""
    assert arranged(tmp_path, (10, 5), skipped="no link") == []


@pytest.mark.parametrize("name", ["throughput", "percentiles"])
def test_every_chart_over_time_shows_the_faults(tmp_path, name):
    """Named, hatched, recovered, in words too, in colours of the page, and the same bytes every time."""
    run = read(faults().write(tmp_path))

    wide, narrow = renditions(name, run)

    assert "slow-link (latency): recovered at once" in wide
    assert "cut (down): recovered after 4 s" in wide
    assert "<pattern" in wide
    assert "var(--fault)" in wide
    assert ">cut<" in narrow
    assert (
        "faults: slow-link from 22 s to 32 s, cut from 52 s to 57 s."
        in re.findall('aria-label="([^"]*)"', wide)[0]
    )
    assert not [placeholder for placeholder in palette.COLOURS if placeholder in wide]
    assert renditions(name, run) == [wide, narrow]


def test_lanes_add_to_the_height_and_take_none_from_the_plots(tmp_path):
    """A run with faults has taller pictures."""
    without = renditions("throughput", reading(tmp_path / "a"))[0]
    within = renditions("throughput", reading(tmp_path / "b", (10, 5)))[0]

    heights = [float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', one)[0]) for one in (without, within)]
    assert heights[1] - heights[0] == lanes.LANE_PX + HEAD_PX
    assert "faults" not in without
