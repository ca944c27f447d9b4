"""Reports: what the workers of the load generator say of themselves, and which stretch of time each one is about.

    worker 0    ----|---------|---------|-------      a report tells of the time since the one before it
                    a    b         c                  report b covers (a, b]

The first report of a worker covers as much time as reports usually do: nobody says when it began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.analysis.statistics import spans
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory import events as kinds
from harness.run_directory.events import Event

USUALLY_NS: Final = NS_PER_S // 2


@dataclass(frozen=True, slots=True)
class Report:
    """What one worker said of the time from start to end."""

    worker: int | None
    start_ns: int
    end_ns: int
    data: dict[str, Any]

    @property
    def length_ns(self) -> int:
        return max(self.end_ns - self.start_ns, 1)

    @property
    def lags_ms(self) -> list[float]:
        """Its probes of scheduling lag; one number in old runs."""
        lag = self.data.get("lag_ms")
        return [float(one) for one in lag] if isinstance(lag, list) else [] if lag is None else [float(lag)]

    def inside_ns(self, measured: Sequence[Span]) -> int:
        """How much of its time is measured."""
        return spans.length_ns(spans.common([(self.start_ns, self.end_ns)], measured))


def reports(events: Iterable[Event]) -> tuple[Report, ...]:
    """All of them, in the order in which they came."""
    last: dict[int | None, int] = {}
    found = []
    for event in events:
        if event.event != kinds.GENERATOR:
            continue
        worker = event.data.get("worker")
        start_ns = last.get(worker, event.at_ns - USUALLY_NS)
        last[worker] = max(event.at_ns, start_ns)
        found.append(Report(worker, min(start_ns, event.at_ns), event.at_ns, event.data))
    return tuple(found)
