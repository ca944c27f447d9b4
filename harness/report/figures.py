"""The figures that people quote, each with its 95 % interval: `p95 46.0 ms (44.1 to 49.3)`; and warnings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.statistics.rounding import show
from harness.report.reading import Reading
from harness.run_directory.results import Summary


@dataclass(frozen=True, slots=True)
class Figure:
    """A named figure; `interval` is empty when there is none."""

    name: str
    value: str
    interval: str

    @property
    def text(self) -> str:
        return f"{self.name} {self.value}" + (f" ({self.interval})" if self.interval else "")


def figures(summary: Summary) -> list[Figure]:
    """Success, throughput, p50, p95 and p99 of the calls of the load."""
    totals, response, intervals = summary.totals, summary.latency_ms.response, summary.intervals
    return [
        Figure(name, show(value, unit), _between(interval, value, unit))
        for name, value, interval, unit in (
            ("success", totals.success_rate, intervals.success_rate, "share"),
            ("throughput", totals.throughput_rps, intervals.throughput_rps, "per_s"),
            ("p50", response.p50, intervals.p50_ms, "ms"),
            ("p95", response.p95, intervals.p95_ms, "ms"),
            ("p99", response.p99, intervals.p99_ms, "ms"),
        )
    ]


def _between(interval: Sequence[float] | None, value: float | None, unit: str) -> str:
    """The interval as text: `44.1 to 49.3`, with units where they differ from the value's."""
    if interval is None:
        return ""
    texts = [show(edge, unit) for edge in interval]
    units = {_unit(text) for text in (show(value, unit), *texts)}
    return " to ".join(text.removesuffix(_unit(text)) if len(units) == 1 else text for text in texts)


def _unit(text: str) -> str:
    return re.sub(r"^[\d.,]+", "", text)


def warnings(reading: Reading) -> str:
    """Warn of percentiles that a small change would move a lot; empty for most runs."""
    sentences = [
        f"{one.name} sits between two groups of calls ({show(one.below_ms, 'ms')} and {show(one.above_ms, 'ms')}): "
        "small changes move it a lot"
        for one in reading.jumps
    ]
    return "; ".join(sentences)
