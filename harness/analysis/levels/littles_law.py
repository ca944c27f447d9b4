"""Little's law as a check of the numbers: users who wait for answers cannot have more open calls than users.

    in flight = rate of calls * mean response time     <=     users        (closed load; without thinking, about equal)

Definitions. In flight is the time that the calls which began in a step's measured window were open in it, by the
length of the window: the law's left side without its edges, counted and not derived. Each user of a closed load has
one call at a time, from intended to done, so the mean number in flight can't exceed the users. Where it does, times
or counts are wrong, whatever they say: the verdict is then unknown.

Assumptions: closed load. An open load has no such bound, and is not checked. `SLACK` allows for one call more, and
for the rounding of simulated runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls.calls import Calls
from harness.analysis.levels.steps import Step

SLACK: Final = 0.05


@dataclass(frozen=True, slots=True)
class Balance:
    """One step: the mean number of calls in flight, and the number of its users."""

    index: int
    in_flight: float
    users: int

    @property
    def holds(self) -> bool:
        return self.in_flight <= self.users * (1 + SLACK) + 1


def measure(calls: Calls, timed: Sequence[Step]) -> tuple[Balance, ...]:
    """The steps of closed load that have a measured window."""
    return tuple(
        Balance(step.index, in_flight(calls, step.start_ns, step.end_ns), step.users)
        for step in timed
        if step.users and step.rate is None and step.end_ns > step.start_ns
    )


def in_flight(calls: Calls, start_ns: int, end_ns: int) -> float:
    """The mean number of calls in flight in [start, end), counting the calls that began in it."""
    begun = calls.between(start_ns, end_ns)
    open_ns = np.minimum(begun.done_ns, end_ns) - begun.intended_ns
    return float(np.maximum(open_ns, 0).sum()) / (end_ns - start_ns)
