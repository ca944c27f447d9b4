"""Detect a service that retries keep down: the fault is healed and the load is back, but the goodput is not.

    offered   ------------|~~~~~~~|===========|=====|      back, and more: the retries
    goodput   ------------|_______|___________|_____|      not back
               before      fault   settling    late        (tests/analysis/faults/test_metastable.py)

A server that is behind answers too late, or refuses; clients try again; so it stays behind. It was pushed into that by
a fault, and nothing but less load gets it out. (Bronson and others, Metastable Failures in Distributed Systems, 2021.)

Definitions. *Before* are the seconds that recovery is measured by, up to thirty before the fault. *Late* are the last
`LATE_S` of the time observed after healing, when at least `SETTLING_S` of that came before; with less nothing is said.
Offered are attempts by intended start, wanted those of them that are no retries, goodput is ok attempts by completion,
all a second. A service is kept down when all of these hold:

- goodput late is at most `GONE` of what it was, in the whole and in the second half: it is not on its way back;
- offered late is at least `BACK` of what it was;
- wanted late is no more than `MORE` times what it was: it is not simply too much load;
- at least `RETRIES` of what is offered late are retries, and at least twice their share before;
- of the late failures at most `NOBODY` could not connect: there is a server, and it is busy.

This cannot tell the cause. A server that a fault has broken for good, and that answers with 503, looks the
same. To be sure, run it again with --retries 0: if the service recovers then, retries kept it down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls.calls import FAILED, Calls
from harness.analysis.faults import recovery
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.spans import Span, length_ns
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.run_directory.results import KeptDown

SETTLING_S: Final = 4
LATE_S: Final = 10
LEAST_LATE_S: Final = 5
LEAST_BEFORE_S: Final = recovery.LEAST_S
LEAST_CALLS: Final = 50
GONE: Final = 0.7
BACK: Final = 0.9
MORE: Final = 1.1
RETRIES: Final = 0.25
NOBODY: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Flow:
    """The rates per second and the counts of calls in some stretches of time."""

    goodput: float
    offered: float
    wanted: float
    calls: int
    failed: int
    unconnected: int

    @property
    def retried(self) -> float:
        return 1 - self.wanted / self.offered if self.offered else 0.0


def measure(calls: Calls, faults: Sequence[PlannedFault], timed: Sequence[Step]) -> tuple[KeptDown, ...]:
    """The faults after which retries kept the service down."""
    results = (_kept_down(calls, fault, faults, timed) for fault in faults)
    return tuple(one for one in results if one is not None)


def _kept_down(
    calls: Calls, fault: PlannedFault, faults: Sequence[PlannedFault], timed: Sequence[Step]
) -> KeptDown | None:
    back = recovery.before(fault, timed, faults)
    after = recovery.observed(fault, timed, faults)
    late = _late(after) if after else None
    if late is None or len(back) < LEAST_BEFORE_S:
        return None
    before, now = _flow(calls, back), _flow(calls, [late])
    last = _flow(calls, [((late[0] + late[1]) // 2, late[1])])
    if before.calls < LEAST_CALLS or now.calls < LEAST_CALLS:
        return None
    kept = (
        max(now.goodput, last.goodput) <= GONE * before.goodput
        and now.offered >= BACK * before.offered
        and now.wanted <= MORE * before.wanted
        and now.retried >= max(RETRIES, 2 * before.retried)
        and now.unconnected <= NOBODY * now.failed
    )
    if not kept:
        return None
    return KeptDown(
        fault=fault.name,
        goodput_rps_before=round(before.goodput, 3),
        goodput_rps=round(now.goodput, 3),
        offered_rps_before=round(before.offered, 3),
        offered_rps=round(now.offered, 3),
        retried_share=round(now.retried, 3),
    )


def _late(after: Span) -> Span | None:
    """The end of the observed time; None when that time is too short."""
    start_ns = max(after[0] + SETTLING_S * NS_PER_S, after[1] - LATE_S * NS_PER_S)
    return (start_ns, after[1]) if after[1] - start_ns >= LEAST_LATE_S * NS_PER_S else None


def _flow(calls: Calls, spans: Sequence[Span]) -> _Flow:
    seconds = length_ns(spans) / NS_PER_S
    begun = [calls.between(*span) for span in spans]
    offered = sum(map(len, begun))
    again = sum(int(np.count_nonzero(part.retried())) for part in begun)
    return _Flow(
        goodput=sum(calls.completed(*span) for span in spans) / seconds,
        offered=offered / seconds,
        wanted=(offered - again) / seconds,
        calls=offered,
        failed=sum(part.count(FAILED) for part in begun),
        unconnected=sum(part.of_outcome(outcome.CONNECT) for part in begun),
    )
