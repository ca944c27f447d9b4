"""How many requests a canary can make to a server that may be slow, in the time that is left."""

from harness.faults.canary.evidence import CanaryPair
from harness.foundation.units import MS_PER_S

SPARE = 0.8  # of the time: the next answer may take longer
HELD_MOST_S = 1.0  # what a toxic adds to all of them together, at the most


def as_many_as(wanted: int, first: CanaryPair, within_s: float) -> tuple[int, float]:
    """Return how many of the wanted requests fit (0 if none does), and the seconds left for them."""
    each_s = max(first.beside.lasted_ms, first.through.lasted_ms) / MS_PER_S
    left_s = within_s - each_s
    fit = int((left_s - HELD_MOST_S) * SPARE / max(each_s, 1e-6))
    return max(0, min(wanted, fit)), left_s
