"""Stretches of time in which the load, and what was done to the server, stayed as they were.

Levels of a ramp differ by design, and so does the time of a fault from what is around it. That is no chance: a run that is
made again differs in the same way. So intervals look only at what varies inside of these stretches.
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
