"""The lane of an experiment: where its marks and labels stand, in words, and as a table."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from harness.report import activities, experiment_table, palette
from harness.report.charts import renditions
from harness.report.reading import Reading, read
from tests.fakes.runs import Run, S

WIDE, NARROW = 900, 350
PROBE = {"type": "probe", "succeeded": True}
ACTION = {"type": "action", "succeeded": True}


def reading(
    path: Path, *said: tuple[float, str, dict[str, Any]], ending: dict[str, Any] | None = None
) -> Reading:
    """A run of 90 s with these activities (when, name, what), each of which took half a second."""
    run = Run()
    run.level(5, seconds=90, rps=20, kind="sustain")
    for at_s, name, what in said:
        run.event(at_s, "activity", name=name, end_ns=int((at_s + 0.5) * S), **what)
    if ending is not None:
        run.event(91, "experiment", **ending)
    run.end()
    return read(run.write(path))


SLOW_NETWORK = (
    (20.0, "share of calls that succeeded", PROBE),
    (20.2, "95th percentile", PROBE),
    (21.0, "latency begins", ACTION),
    (40.0, "it is over", ACTION),
    (70.0, "share of calls that succeeded", PROBE | {"succeeded": False}),
    (70.3, "95th percentile", PROBE),
    (88.0, "nothing is left of it", ACTION),
)


def arranged(
    path: Path, *said: tuple[float, str, dict[str, Any]], width: int = WIDE
) -> list[activities.ActivityGroup]:
    return activities.arrange(reading(path, *said), 1.0, 91.0, width)


def test_marks_that_touch_share_a_label_and_labels_do_not_overlap(tmp_path: Path) -> None:
    """What failed gives the name; at the right end the label stands before its mark."""
    groups = arranged(tmp_path, *SLOW_NETWORK)

    assert [(group.label, group.before) for group in groups] == [
        ("latency begins +2", False),
        ("it is over", False),
        ("share of calls that succeeded +1", False),
        ("nothing is left of it", True),
    ]
    for row in range(activities.ROWS):
        spans = [span(group) for group in groups if group.row == row]
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


def span(group: activities.ActivityGroup) -> tuple[float, float]:
    """From where to where a group with its label reaches, in seconds."""
    words_s = (len(group.label) * activities.CHARACTER_PX + activities.GAP_PX) * 90 / WIDE
    first_s, last_s = group.members[0].start_s, group.members[-1].start_s
    return (first_s - words_s, last_s) if group.before else (first_s, last_s + words_s)


def test_a_thousand_activities_are_drawn_as_a_few(tmp_path: Path) -> None:
    """Two rows, whatever there is; the table says how many it leaves out."""
    run = reading(tmp_path, *[(1 + number * 0.089, f"step {number}", ACTION) for number in range(1000)])
    groups = activities.arrange(run, 1.0, 91.0, WIDE)

    assert sum(len(group.members) for group in groups) == activities.MOST
    assert activities.height_px(groups) <= activities.ROWS * activities.LANE_PX
    page = experiment_table.experiment(run)
    assert page is not None
    assert page.text.count("<tr>") == experiment_table.MOST + 1
    assert "800 more activities are in journal.json" in page.text


def test_long_names_are_cut_and_labels_without_room_left_out(tmp_path: Path) -> None:
    """On a phone more so; the marks are there all the same."""
    said = [
        (10.0 + 4 * number, f"an activity with quite a long name {number}", ACTION) for number in range(6)
    ]
    groups = arranged(tmp_path, *said, width=NARROW)

    assert [len(group.members) for group in groups] == [1] * 6
    assert {len(group.label) for group in groups} == {activities.LABEL_MOST_NARROW, 0}
    assert arranged(tmp_path / "b", (200.0, "after the end", ACTION)) == []


@pytest.mark.parametrize("name", ["throughput", "percentiles", "heat"])
def test_every_chart_over_time_shows_the_experiment(tmp_path: Path, name: str) -> None:
    """In words too; names are text, whatever is in them, and the same bytes come every time."""
    run = reading(tmp_path, (20.0, "costs $5 & <more> $6", ACTION), *SLOW_NETWORK[3:])
    wide, narrow = renditions(name, run)

    assert ">experiment<" in wide
    assert ">experiment<" in narrow
    assert "costs $5 &amp; &lt;more&gt; $6" in wide
    said = re.findall('aria-label="([^"]*)"', wide)[0]
    assert "an experiment with 5 activities, 1 of them failed: costs $5 &amp; &lt;more" in said
    assert not [placeholder for placeholder in palette.COLOURS if placeholder in wide]
    assert renditions(name, run) == [wide, narrow]


def test_the_table_says_what_was_done_and_how_it_ended(tmp_path: Path) -> None:
    """Names are escaped; a run without an experiment has no section."""
    ending = {"title": "A slow network", "status": "completed", "deviated": True}
    page = experiment_table.experiment(reading(tmp_path / "a", (20.0, "<b>", PROBE), ending=ending))

    assert page is not None
    assert "A slow network: completed; its hypothesis no longer held after the method." in page.text
    assert "&lt;b&gt;" in page.text
    assert "✓ succeeded" in page.text
    assert experiment_table.experiment(reading(tmp_path / "b")) is None
    interrupted = experiment_table.experiment(reading(tmp_path / "c", ending={"status": "interrupted"}))
    assert interrupted is not None
    assert "An experiment: interrupted." in interrupted.text
