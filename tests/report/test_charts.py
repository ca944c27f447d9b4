"""Charts: drawn when there is something to draw, the same bytes every time."""

import re
import xml.etree.ElementTree as ET
from functools import cache

import numpy as np
import pytest

from harness.report import palette, svg
from harness.report.charts import CHARTS, renditions
from harness.report.drawing import KEY_ROW_PX
from harness.report.reading import read
from tests.fakes.runs import Run, ramp

OF_A_RAMP = [name for name in CHARTS if name != "search"]  # that one: tests/conduct/test_searching.py


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    return read(ramp().write(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def pictures(reading):
    """Each chart by its name, drawn once for all tests that look at it."""
    return cache(lambda name: renditions(name, reading))


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_and_takes_its_colours_from_the_page(pictures, name):
    """No placeholder is left, text is text, and it says in words what it shows."""
    for picture in pictures(name):
        root = ET.fromstring(picture)

        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert "var(--" in picture
        assert not [placeholder for placeholder in palette.COLOURS if placeholder in picture]
        assert root.findall(".//{http://www.w3.org/2000/svg}text")
        assert "<style" not in picture


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_run_gives_the_same_bytes(reading, pictures, name):
    """No date, no random id: reports can be compared and kept under version control."""
    assert renditions(name, reading) == pictures(name)


@pytest.mark.parametrize("name", OF_A_RAMP)
def test_a_chart_as_a_file_brings_its_own_colours(pictures, name):
    """Light and dark, without a page around it."""
    alone = svg.alone(pictures(name)[0])

    ET.fromstring(alone)
    assert "--ink:" in alone
    assert "prefers-color-scheme:dark" in alone


def drawn(run, path):
    reading = read(run.write(path))
    return {name for name in CHARTS if renditions(name, reading)}


OVER_TIME = {"throughput", "percentiles", "heat"}


def test_nothing_is_drawn_of_nothing(tmp_path):
    """A run without calls."""
    run = Run()
    run.end()

    assert drawn(run, tmp_path) == set()


def test_one_level_is_no_curve(tmp_path):
    """Only time is left to draw against."""
    run = Run()
    run.level(10)

    assert drawn(run, tmp_path) == OVER_TIME | {"distribution"}


def test_too_few_calls_have_no_percentiles(tmp_path):
    """Two levels with five calls each: throughput can be drawn, latency not."""
    run = Run()
    run.level(5, rps=0.5)
    run.level(10, rps=0.5)

    assert drawn(run, tmp_path) == {"throughput", "heat", "throughput-by-users"}


def test_levels_without_a_single_ok_call_are_still_drawn(tmp_path):
    """Everything failed: zero is a throughput."""
    run = Run(limit=None)
    run.level(5, failing=1.0)
    run.level(10, failing=1.0)

    assert drawn(run, tmp_path) == {"throughput", "outcomes", "throughput-by-users"}


def test_a_wide_range_of_latencies_is_drawn_on_a_logarithmic_scale(tmp_path):
    """1 ms and 10 s on one chart."""
    run = Run()
    run.level(5, ms=1, rps=200)
    run.level(10, ms=10_000, rps=200)
    reading = read(run.write(tmp_path))

    assert "from 1.00 ms" not in renditions("percentiles", reading)[0]
    assert "p50 between 1.00 ms and 10.0 s" in renditions("percentiles", reading)[0]
    assert ">10 s<" in renditions("percentiles-by-users", reading)[0]


def test_a_legend_without_room_beside_the_unit_stands_above_it(tmp_path):
    """In as many rows as it needs; the plot keeps its size, the picture grows."""
    run = Run(limit=None)
    kinds = ["timeout", "reset", "http_status", "tool_error", "rate_limited", "bad_body"]
    run.level(5, outcome=np.array(kinds)[np.arange(1000) % len(kinds)])
    few = Run(limit=None)
    few.level(5, outcome="reset")

    wide, narrow = renditions("outcomes", read(run.write(tmp_path / "a")))
    wide_few, narrow_few = renditions("outcomes", read(few.write(tmp_path / "b")))
    rows = [
        (height(many) - height(one)) / KEY_ROW_PX for many, one in ((wide, wide_few), (narrow, narrow_few))
    ]
    assert rows == [0, 3]
    assert all(f">{kind}<" in narrow for kind in kinds)


def height(picture):
    return float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)"', picture)[0])


def test_a_very_long_run_has_a_time_axis_that_can_be_read(tmp_path):
    """A hundred days in a few ticks."""
    run = Run()
    run.level(5, seconds=100 * 86400, rps=0.001)
    root = ET.fromstring(renditions("throughput", read(run.write(tmp_path)))[0])

    assert len(root.findall(".//{http://www.w3.org/2000/svg}text")) < 40
