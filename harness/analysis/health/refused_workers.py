"""Attempts to join the load that its master refused: how many, of what kind, and since when.

They do not change the measurement or the verdict, but somebody wanted to take users of this run. A refused
client tries again several times a second, so there are more attempts than clients.
"""

from collections import Counter
from collections.abc import Iterable

from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Event, StrangerRefused


def attempts(events: Iterable[Event]) -> int:
    """The number of refused attempts."""
    return sum(event.attempts for event in _refusals(events))


def told(events: Iterable[Event]) -> str:
    """A sentence about the refused attempts; empty when there were none."""
    refusals = _refusals(events)
    by_why: Counter[str] = Counter()
    for event in refusals:
        by_why[event.why] += event.attempts
    if not refusals:
        return ""
    each = ", ".join(f"{count:,} {why}" for why, count in by_why.items())
    return f"refused attempts to join the load: {each}, from {refusals[0].at_ns / NS_PER_S:.1f} s on"


def _refusals(events: Iterable[Event]) -> list[StrangerRefused]:
    return [event for event in events if isinstance(event, StrangerRefused)]
