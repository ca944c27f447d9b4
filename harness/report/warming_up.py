"""Describe warm-up that was still going on while a step was measured; empty when none was seen."""

import math
from collections.abc import Sequence

from harness.analysis.levels.warming import Warming
from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_duration


def warming_up(steps: Sequence[Warming | None]) -> str:
    """Describe the first step that was still warming up, how to avoid it, and how many others there were."""
    slow = [(number, one) for number, one in enumerate(steps, 1) if one is not None]
    if not slow:
        return ""
    number, first = slow[0]
    before, after = show(first.before_ms, "ms"), show(first.after_ms, "ms")
    sentence = f"the first {first.seconds:.1f} s of step {number} were slower (p50 {before}, then {after})"
    if len(slow) > 1:
        sentence += f", and the same happened in {len(slow) - 1:,} more"
    if number == 1:  # only the first step can have a warm-up before it
        sentence += f": warm-up; --warm-up {show_duration(float(math.ceil(first.seconds)))} leaves it out"
    return sentence
