"""Figures with their intervals, as short as people write them."""

import numpy as np
import pytest

from harness.report import markdown, terminal
from harness.report.figures import figures, warnings
from harness.report.html import page
from harness.report.reading import read
from harness.run_directory.results import Summary
from tests.fakes.results import filled
from tests.fakes.runs import Run


def summary(**intervals):
    return filled(
        Summary,
        totals={"success_rate": 0.998, "throughput_rps": 512.3},
        latency_ms={"response": {"p50": 9.8, "p95": 46.02, "p99": None}},
        intervals=intervals,
    )


TEXTS = [
    # which, interval, the text
    (3, {"p95_ms": [44.1, 49.3]}, "p95 46.0 ms (44.1 to 49.3)"),
    (3, {"p95_ms": [44.1, 110.0]}, "p95 46.0 ms (44.1 to 110)"),
    (3, {"p95_ms": [44.1, 12_000.0]}, "p95 46.0 ms (44.1 ms to 12.0 s)"),
    (3, {}, "p95 46.0 ms"),
    (4, {}, "p99 \N{EN DASH}"),
    (0, {"success_rate": [0.996, 0.9991]}, "success 99.8% (99.6 to 99.91)"),
    (1, {"throughput_rps": [505.2, 519.9]}, "throughput 512/s (505 to 520)"),
]


@pytest.mark.parametrize(("which", "intervals", "text"), TEXTS)
def test_units_are_said_once(which, intervals, text):
    """Unless they differ."""
    assert figures(summary(**intervals))[which].text == text


def test_a_jump_is_told_in_every_report(tmp_path):
    """A twentieth of the calls takes 200 ms, the others 10."""
    run = Run()
    slow = np.random.default_rng(1).permutation(np.arange(1000) < 50)
    run.level(5, ms=np.where(slow, 200.0, 10.0))
    run.end()
    reading = read(run.write(tmp_path))
    words = "p95 sits between two groups of calls (10.0 ms and 200 ms): small changes move it a lot"

    assert warnings(reading) == words
    assert words in " ".join(terminal.render(reading, colour=False).split())
    assert words in markdown.markdown(reading).replace("\\", "")
    assert words in page(reading, {})
