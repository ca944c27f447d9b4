"""The reports of the load generator's workers, and the stretch of time that each report covers.

    worker 0    ----|---------|---------|-------      a report tells of the time since the one before it
                    a    b         c                  report b covers (a, b]

The first report of a worker covers as much time as reports usually do: nobody says when it began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.statistics import spans
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Amounts, Event, WorkerReport

USUALLY_NS: Final = NS_PER_S // 2


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's report about the time from start to end."""

    worker: int | None
    start_ns: int
    end_ns: int
    said: WorkerReport

    @property
    def length_ns(self) -> int:
        return max(self.end_ns - self.start_ns, 1)

    @property
    def lags_ms(self) -> list[float]:
        """The probes of scheduling lag in ms; a single number in old runs."""
        return listed(self.said.lag_ms)

    def inside_ns(self, measured: Sequence[Span]) -> int:
        """How much of the report's time lies in the measured spans, in ns."""
        return spans.length_ns(spans.common([(self.start_ns, self.end_ns)], measured))


def reports(events: Iterable[Event]) -> tuple[Report, ...]:
    """All reports, in the order of the file."""
    last: dict[int | None, int] = {}
    read = []
    for event in events:
        if not isinstance(event, WorkerReport):
            continue
        start_ns = last.get(event.worker, event.at_ns - USUALLY_NS)
        last[event.worker] = max(event.at_ns, start_ns)
        read.append(Report(event.worker, min(start_ns, event.at_ns), event.at_ns, event))
    return tuple(read)


def listed(value: Amounts | None) -> list[float]:
    """The values as a list; empty for None."""
    if value is None:
        return []
    return [float(value)] if isinstance(value, int | float) else [float(one) for one in value]
