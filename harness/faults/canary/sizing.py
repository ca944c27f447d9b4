"""How many requests a canary can make of a server that may be slow, in the time that there is."""

from harness.faults.canary.evidence import CanaryPair
from harness.foundation.units import MS_PER_S

SPARE = 0.8  # of the time: the next answer may take longer
HELD_MOST_S = 1.0  # what a toxic adds to all of them together, at the most


def as_many_as(wanted: int, first: CanaryPair, within_s: float) -> tuple[int, float]:
    """So many at the most, and the seconds left for them; none when there is no time for one more."""
    each_s = max(first.beside.lasted_ms, first.through.lasted_ms) / MS_PER_S
    left_s = within_s - each_s
    fit = int((left_s - HELD_MOST_S) * SPARE / max(each_s, 1e-6))
    return max(0, min(wanted, fit)), left_s
