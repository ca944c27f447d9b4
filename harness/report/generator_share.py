"""Describe how much of each percentile is the load generator's own work; empty when that was not measured."""

from msgspec.structs import asdict

from harness.analysis.statistics.rounding import show
from harness.run_directory.results import Summary


def own_part(summary: Summary) -> str:
    """The generator's own part as text: `0.11 ms of p50, 0.4 ms of p95 were added by the load generator itself`."""
    added = asdict(summary.generator.added_ms)
    parts = [f"{show(value, 'ms')} of {name}" for name, value in added.items() if value is not None]
    if not parts:
        return ""
    *first, last = parts
    joined = f"{', '.join(first)} and {last}" if first else last
    return f"{joined} {'were' if first else 'was'} added by the load generator itself"
