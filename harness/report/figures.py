"""The figures that people quote, each with its 95 % interval: `p95 46.0 ms (44.1 to 49.3)`; and what to be careful with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.rounding import show
from harness.report.reading import Reading


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure by its name; `interval` is empty where there is none."""

    name: str
    value: str
    interval: str

    @property
    def text(self) -> str:
        return f"{self.name} {self.value}" + (f" ({self.interval})" if self.interval else "")


def figures(summary: dict[str, Any]) -> list[Figure]:
    """Success, throughput, p50, p95, p99 of the calls of the load."""
    totals, response = summary["totals"], summary["latency_ms"]["response"]
    intervals = summary.get("intervals") or {}
    of_totals = (("success", "success_rate", "share"), ("throughput", "throughput_rps", "per_s"))
    found = [
        Figure(name, show(totals[key], unit), _between(intervals.get(key), totals[key], unit))
        for name, key, unit in of_totals
    ]
    for name in ("p50", "p95", "p99"):
        interval = _between(intervals.get(f"{name}_ms"), response[name], "ms")
        found.append(Figure(name, show(response[name], "ms"), interval))
    return found


def _between(interval: Sequence[float] | None, value: float | None, unit: str) -> str:
    """44.1 to 49.3, with units where they differ from the value's."""
    if interval is None:
        return ""
    texts = [show(edge, unit) for edge in interval]
    units = {_unit(text) for text in (show(value, unit), *texts)}
    return " to ".join(text.removesuffix(_unit(text)) if len(units) == 1 else text for text in texts)


def _unit(text: str) -> str:
    return re.sub(r"^[\d.,]+", "", text)


def warnings(reading: Reading) -> str:
    """What a small change would move a lot; nothing for most runs."""
    told = [
        f"{one.name} sits between two groups of calls ({show(one.below_ms, 'ms')} and {show(one.above_ms, 'ms')}): "
        "small changes move it a lot"
        for one in reading.jumps
    ]
    return "; ".join(told)
