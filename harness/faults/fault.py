"""What a fault is: apply, verify, heal.

    before   canaries through the link and beside it agree
    apply    written ahead, done, read back
    verify   canaries through and beside differ as the fault says; else it did not happen
    heal     idempotent: also after a failed apply, also twice

A canary is one small round trip of our own over the link, or None when it failed. Pairs are taken one after
the other, so that both sides see the same server; the median of differences is what counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

from harness.services.undoing import Undo

# What a difference of canaries may be without meaning anything, on a busy machine.
NOISE_MS = 25.0


@dataclass(frozen=True, slots=True)
class Pair:
    """One canary through the link and one beside it, in milliseconds; None: it did not come back."""

    through_ms: float | None
    beside_ms: float | None


class Fault(Protocol):
    """One fault on one link."""

    def undo(self) -> Undo | None:
        """What must be undone, to be written ahead."""
        ...

    async def apply(self) -> None: ...

    def why_not(self, pairs: Sequence[Pair]) -> str:
        """Why these canaries do not show the fault; nothing when they do."""
        ...

    def expected_ms(self) -> float | None:
        """What it adds to one round trip; None when none comes back."""
        ...

    async def heal(self) -> None: ...


def added_ms(pairs: Sequence[Pair]) -> float | None:
    """The median of what the link adds to a round trip; None when too few came back."""
    both = [
        pair.through_ms - pair.beside_ms
        for pair in pairs
        if pair.through_ms is not None and pair.beside_ms is not None
    ]
    return median(both) if len(both) * 2 > len(pairs) else None


def medians_ms(pairs: Sequence[Pair]) -> tuple[float | None, float | None]:
    """Through and beside, each by itself."""
    through = [pair.through_ms for pair in pairs if pair.through_ms is not None]
    beside = [pair.beside_ms for pair in pairs if pair.beside_ms is not None]
    return (median(through) if through else None), (median(beside) if beside else None)


def why_not_without_effect(pairs: Sequence[Pair]) -> str:
    """Why the link is not as if nothing were on it; nothing when it is."""
    if any(pair.beside_ms is None for pair in pairs):
        return "a canary beside the link did not come back: the target itself is in trouble"
    if any(pair.through_ms is None for pair in pairs):
        return "a canary through the link did not come back"
    added = added_ms(pairs)
    if added is not None and abs(added) > NOISE_MS:
        return f"the link adds {added:.1f} ms where nothing should be added"
    return ""
