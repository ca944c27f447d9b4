"""Was the server's processor the limit, where objectives no longer held? Pure.

A thread can have one processor at the most, and all of them together those of the machine: a server that took as much as either
in the trials that were missed was limited by it. Of a server whose processes were not seen nothing is known, and nothing is said.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from harness.analysis.levels.steps import Step
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Event, TargetSeen

FULL: Final = 0.9
SLACK: Final = 1.05  # the kernel counts in hundredths of a second
READINGS_LEAST: Final = 3


def words(missed: Iterable[Step], events: Sequence[Event], cores: int | None) -> str:
    """`; the server's processor was the limit: ...`, or how much it took; "" where it is not known."""
    taken = _taken(missed, events)
    if len(taken) < READINGS_LEAST:
        return ""
    used = median(taken)
    if cores and used >= FULL * cores:
        return f"; the processor was the limit: the server took {used:.2f} of {cores} cores"
    if FULL <= used <= SLACK:
        return f"; the server's processor was the limit: it took {used:.2f} of a core, and one thread can have no more than one"
    # Less than that proves nothing: others on the machine may have had the rest.
    return f"; the server took {used:.2f} of {cores or 'the'} cores there"


def _taken(missed: Iterable[Step], events: Sequence[Event]) -> list[float]:
    """Cores taken between two readings, within the steps."""
    seen = [one for one in events if isinstance(one, TargetSeen) and one.cpu_s is not None]
    return [
        (later.cpu_s - earlier.cpu_s) / (later.at_ns - earlier.at_ns) * NS_PER_S
        for step in missed
        for earlier, later in pairwise(one for one in seen if step.start_ns <= one.at_ns <= step.end_ns)
        if earlier.cpu_s is not None
        and later.cpu_s is not None
        and later.at_ns > earlier.at_ns
        and later.cpu_s >= earlier.cpu_s  # else its process was replaced
    ]
