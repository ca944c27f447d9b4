"""Sessions that are processes, in a sentence."""

from collections.abc import Iterable

from msgspec import UnsetType

from harness.analysis.statistics.rounding import show
from harness.run_directory.event_kinds import Event, WorkerReport
from harness.run_directory.results import Summary


def processes(summary: Summary, events: Iterable[Event] = ()) -> str:
    """Return what the sessions' processes took to start and have used; nothing if there are none."""
    used = summary.processes
    if isinstance(used, UnsetType):
        return ""
    failed = f" ({used.failed:,} more did not start)" if used.failed else ""
    parts = [f"{used.started:,} started{failed}"]
    if used.start_ms_median is not None:
        parts.append(
            f"in {show(used.start_ms_median, 'ms')} (median) to {show(used.start_ms_max, 'ms')} (the slowest)"
        )
    if used.rss_mb_median is not None:
        parts.append(f"each {used.rss_mb_median:.0f} MB (at most {used.rss_mb_max:.0f} MB)")
    if used.cpu_s_median is not None:
        parts.append(f"and {used.cpu_s_median:.2g} s of a processor (at most {used.cpu_s_max:.2g} s)")
    return " ".join(parts[:2]) + ("; " + " ".join(parts[2:]) if parts[2:] else "") + _noise(events)


def _noise(events: Iterable[Event]) -> str:
    """Say how much there was on standard outputs that was no message: MCP allows nothing else there."""
    most: dict[object, int] = {}
    for event in events:
        if isinstance(event, WorkerReport) and event.noise:
            most[event.worker] = max(most.get(event.worker, 0), event.noise)
    count = sum(most.values())
    lines = (
        "1 line on a standard output was" if count == 1 else f"{count:,} lines on their standard output were"
    )
    return f"; {lines} no message of MCP, and real clients may stop at that" if count else ""
