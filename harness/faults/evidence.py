"""Canaries as values: what one is asked to do, what came of it, what a few of them say together.

A canary is one small exchange of our own, through a link or beside it. Pairs are taken one after the other, so
that both sides see the same server; the median of differences is what counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, Protocol

# What a difference of canaries may be without meaning anything, on a busy machine.
NOISE_MS = 25.0
# Of what a toxic was told to add, the share that may be missing or too much.
TOLERANCE = 0.10
LIMIT_S = 10.0
PAIRS = 5

# replied: all that was asked for. Else how it ended: the connection was not accepted, cut off by a reset, closed in
# order before all had come, or nothing more came within the limit.
End = Literal["replied", "refused", "reset", "closed", "silent"]

_ENDS: Final[dict[type[Exception], End]] = {
    TimeoutError: "silent",
    ConnectionRefusedError: "refused",
    ConnectionResetError: "reset",
}


def end_of(error: Exception) -> End:
    """How a canary ended that raised this instead of an answer."""
    return next((end for kind, end in _ENDS.items() if isinstance(error, kind)), "closed")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a canary does: so many small requests one after the other, on one connection."""

    requests: int = 1
    padding: int = 0  # bytes that each request carries for nothing
    fresh: bool = False  # on a new connection, where it would otherwise use one that is open
    until_closed: bool = False  # and then until the server, asked to, has closed the connection
    limit_s: float = LIMIT_S


SMALL = Ask()


@dataclass(frozen=True, slots=True)
class Canary:
    """What came of one."""

    end: End
    lasted_ms: float  # until the last reply, or the other end
    bytes_out: int = 0
    bytes_in: int = 0
    closing_ms: float | None = None  # from the last reply to the end of the connection

    @property
    def took_ms(self) -> float | None:
        """None when it did not come back."""
        return self.lasted_ms if self.end == "replied" else None


@dataclass(frozen=True, slots=True)
class Pair:
    """One through the link and one beside it."""

    through: Canary
    beside: Canary


class Canaries(Protocol):
    """The two ways of one link; of a process there is one, and it is both."""

    async def pairs(self, count: int = PAIRS, ask: Ask = SMALL) -> list[Pair]:
        """Taken in turn."""
        ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What verification has seen."""

    pairs: Sequence[Pair]
    why_not: str  # why they do not show the fault; nothing when they do
    expected_ms: float | None = None  # what the fault adds to a round trip; None when none comes back


def added_ms(pairs: Sequence[Pair]) -> float | None:
    """The median of what the link adds to a round trip; None when too few came back."""
    both = [
        pair.through.took_ms - pair.beside.took_ms
        for pair in pairs
        if pair.through.took_ms is not None and pair.beside.took_ms is not None
    ]
    return median(both) if len(both) * 2 > len(pairs) else None


def medians_ms(pairs: Sequence[Pair]) -> tuple[float | None, float | None]:
    """Through and beside, each by itself."""
    through = [pair.through.took_ms for pair in pairs if pair.through.took_ms is not None]
    beside = [pair.beside.took_ms for pair in pairs if pair.beside.took_ms is not None]
    return (median(through) if through else None), (median(beside) if beside else None)


def why_beside_is_no_measure(pairs: Sequence[Pair]) -> str:
    """Why there is nothing to compare with; nothing when there is."""
    if any(pair.beside.end != "replied" for pair in pairs):
        return "a canary beside the link did not come back: the target itself is in trouble"
    return ""


def why_not_answered(pairs: Sequence[Pair]) -> str:
    """Why not all came back, however long that took; nothing when they did."""
    if trouble := why_beside_is_no_measure(pairs):
        return trouble
    if any(pair.through.end != "replied" for pair in pairs):
        return "a canary through the link did not come back"
    return ""


def why_not_without_effect(pairs: Sequence[Pair]) -> str:
    """Why the link is not as if nothing were on it; nothing when it is."""
    if trouble := why_not_answered(pairs):
        return trouble
    added = added_ms(pairs)
    if added is not None and abs(added) > NOISE_MS:
        return f"the link adds {added:.1f} ms where nothing should be added"
    return ""


def why_not_slower_by(pairs: Sequence[Pair], expected_ms: float, most_ms: float | None = None) -> str:
    """Why round trips were not longer by so much, but for noise; with `most_ms`, by as much as that."""
    added = added_ms(pairs)
    if added is None:
        return "too few canaries came back to tell"
    allowed = max(expected_ms * TOLERANCE, NOISE_MS)
    if not expected_ms - allowed <= added <= (most_ms or expected_ms) + allowed:
        wanted = f"{expected_ms:.0f}" + (f" to {most_ms:.0f}" if most_ms else "")
        return f"canaries were {added:.1f} ms slower through the link, not {wanted} ms"
    return ""


def why_not_ended(pairs: Sequence[Pair], *ends: End) -> str:
    """Why canaries through the link did not end in one of these ways, while those beside it came back."""
    if trouble := why_beside_is_no_measure(pairs):
        return trouble
    other = [pair.through.end for pair in pairs if pair.through.end not in ends]
    if not other:
        return ""
    return f"{len(other)} of {len(pairs)} canaries through the link were {other[0]}, not {' or '.join(ends)}"
