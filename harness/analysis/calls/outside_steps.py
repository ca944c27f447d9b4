"""Calls of the load that belong to no step: how many, and in which phase. Totals count them, steps do not.

    step_asked     step_running   start_ns          end_ns = step_done     step_asked of the next one
        |--- starting ---|-- settling --|== the step ==|----- closing -----|

Definitions. A call goes by its intended start. *Starting*: from when a step was asked for until all its users run.
*Settling*: from then until it is measured. *Closing*: after it was measured, while its open calls are waited for.
*Faults*: in the measured time of a step, and left out of it because a fault acted (harness.analysis.faults.planned).
*Other*: all that is left, such as calls of a run that says nothing of its steps.

Calls of the warm-up are neither in the totals nor here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls.calls import Calls
from harness.analysis.levels.steps import Step
from harness.run_directory.event_kinds import Event, StepAsked, StepRunning
from harness.run_directory.results import StepResult

# In the order in which they follow where two begin in the same moment.
CLOSING: Final = 0
STARTING: Final = 1
SETTLING: Final = 2
MEASURED: Final = 3


@dataclass(frozen=True, slots=True)
class Outside:
    """The number of calls by where they belong; they add up to `calls`."""

    calls: int
    steps: int
    starting: int = 0
    settling: int = 0
    closing: int = 0
    faults: int = 0
    other: int = 0


def measure(
    calls: Calls, events: Iterable[Event], timed: Sequence[Step], rows: Sequence[StepResult]
) -> Outside:
    """Count the calls of the load after the warm-up by phase; `rows` are the steps of the summary."""
    edges = [(step.start_ns, MEASURED) for step in timed if step.start_ns < step.end_ns]
    edges += [(step.end_ns, CLOSING) for step in timed if step.start_ns < step.end_ns]
    begins = {StepAsked: STARTING, StepRunning: SETTLING}
    edges += [(event.at_ns, begins[type(event)]) for event in events if type(event) in begins]
    edges.sort()
    times = np.array([at_ns for at_ns, _ in edges], dtype=np.int64)
    parts = np.array(
        [*(part for _, part in edges), -1]
    )  # what is before the first edge is behind the last part
    part_of_call = parts[np.searchsorted(times, calls.intended_ns, side="right") - 1]
    count = {
        part: int(np.count_nonzero(part_of_call == part)) for part in (CLOSING, STARTING, SETTLING, MEASURED)
    }
    inside = sum(row.requests for row in rows)
    return Outside(
        calls=len(calls),
        steps=inside,
        starting=count[STARTING],
        settling=count[SETTLING],
        closing=count[CLOSING],
        faults=max(0, count[MEASURED] - inside),
        other=len(calls) - sum(count.values()),
    )
