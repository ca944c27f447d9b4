"""Sessions that are processes, in a sentence."""

from msgspec import UnsetType

from harness.analysis.statistics.rounding import show
from harness.run_directory.results import Summary


def processes(summary: Summary) -> str:
    """Return what the sessions' processes took to start and have used; nothing if there are none."""
    found = summary.processes
    if isinstance(found, UnsetType):
        return ""
    failed = f" ({found.failed:,} more did not start)" if found.failed else ""
    parts = [f"{found.started:,} started{failed}"]
    if found.start_ms_median is not None:
        parts.append(
            f"in {show(found.start_ms_median, 'ms')} (median) to {show(found.start_ms_max, 'ms')} (the slowest)"
        )
    if found.rss_mb_median is not None:
        parts.append(f"each {found.rss_mb_median:.0f} MB (at most {found.rss_mb_max:.0f} MB)")
    if found.cpu_s_median is not None:
        parts.append(f"and {found.cpu_s_median:.2g} s of a processor (at most {found.cpu_s_max:.2g} s)")
    return " ".join(parts[:2]) + ("; " + " ".join(parts[2:]) if parts[2:] else "")
