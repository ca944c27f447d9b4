"""The figures of a long step, interval by interval: they show whether the step stays as it began.

Definitions. The measured window of a step is cut into pieces of the plan's `interval_s`, from its beginning on; a last
piece of less than half of that is joined to the one before. Each is measured as a step is (harness.analysis.levels.steps):
requests, success and latency by intended start, throughput by completion, the time of faults left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from msgspec.structs import asdict

from harness.analysis.calls.calls import Calls
from harness.analysis.levels import steps
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory.results import StepResult

COLUMNS: Final = (
    "step", "name", "start_s", "end_s", "requests", "ok", "failed", "not_sent", "success_rate", "throughput_rps",
    "offered_rps", "p50_ms", "p95_ms", "p99_ms", "max_ms",
)  # fmt: skip


def measure(
    calls: Calls, timed: Sequence[Step], plan: Mapping[str, Any], disturbed: Sequence[Span] = ()
) -> list[Mapping[str, Any]]:
    """One row (`COLUMNS`) for each interval of each step that has intervals."""
    every = {str(one["phase"]): one.get("interval_s") for one in plan.get("steps") or []}
    return [
        _row(step, steps.measure(calls, piece, disturbed))
        for step in timed
        if every.get(step.name)
        for piece in pieces(step, float(every[step.name] or 0))
    ]


def pieces(step: Step, interval_s: float) -> list[Step]:
    """The step, cut into its intervals."""
    width = max(1, int(interval_s * NS_PER_S))
    whole = max(1, (step.end_ns - step.start_ns + width // 2) // width)
    edges = [step.start_ns + number * width for number in range(whole)] + [step.end_ns]
    # The step's own count of unsent arrivals is for the whole step, not for this piece.
    return [
        replace(step, start_ns=start, end_ns=end, not_sent=step.not_sent if whole == 1 else None)
        for start, end in pairwise(edges)
    ]


def _row(step: Step, measured: StepResult) -> Mapping[str, Any]:
    times = {f"{name}_ms": value for name, value in asdict(measured.latency_ms.response).items()}
    row = {"step": step.index, "name": step.name} | asdict(measured) | times
    return {name: row[name] for name in COLUMNS}
