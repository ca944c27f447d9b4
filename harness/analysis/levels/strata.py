"""Stretches of time in which neither the load nor the faults changed.

Levels of a ramp differ by design, and so does the time of a fault from the time around it. That is not
chance: a repeated run differs in the same way. So confidence intervals use only the variation within these
stretches.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from harness.analysis.faults.planned import PlannedFault
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.spans import Span


def edges(timed: Iterable[Step], faults: Iterable[PlannedFault]) -> list[int]:
    """The times of changes: a step began or ended, a fault was applied, removed or healed."""
    planned = [at_ns for step in timed for at_ns in (step.start_ns, step.end_ns)]
    happened = [at_ns for one in faults for at_ns in (one.on_ns, one.off_ns, one.healed_ns)]
    return sorted({*planned, *(at_ns for at_ns in happened if at_ns is not None)})


def cut(spans: Iterable[Span], at: Sequence[int]) -> list[Span]:
    """The same spans, cut at these times."""
    pieces: list[Span] = []
    for start, end in spans:
        inside = [start, *(edge for edge in at if start < edge < end), end]
        pieces += pairwise(inside)
    return pieces
