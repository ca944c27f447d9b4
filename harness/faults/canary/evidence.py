"""Canaries as values: what one is asked to do, and what came of it. What several of them decide is in `decision`.

A canary is one small exchange of our own, through a link or beside it. Of each pair both are sent at the same time, so that
both meet the same server.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

# What a link may add without meaning anything, on a busy machine; the kernel's ticks are within it.
NOISE_MS = 25.0
# Of what a toxic was told to add, the share that may be missing or too much.
TOLERANCE = 0.10
LIMIT_S = 10.0
PAIRS, PAIRS_MOST = 5, 25

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
    """The task of a canary: `requests` small requests, one after the other, on one connection."""

    requests: int = 1
    padding: int = 0  # bytes that each request carries for nothing
    fresh: bool = False  # on a new connection, where it would otherwise use one that is open
    until_closed: bool = False  # and then until the server, asked to, has closed the connection
    limit_s: float = LIMIT_S


SMALL = Ask()


@dataclass(frozen=True, slots=True)
class Far:
    """The server's side of the link, as the kernel saw it for one canary."""

    bytes_out: int  # that went on to the server
    bytes_in: int  # that the server has sent
    pieces_in: int
    quiet_ms: float | None  # since the server's last data; None before any


@dataclass(frozen=True, slots=True)
class Canary:
    """The result of one canary."""

    end: End
    lasted_ms: float  # until the last reply, or the other end
    bytes_out: int = 0
    bytes_in: int = 0
    closing_ms: float | None = None  # from the last reply to the end of the connection
    accepted: bool = False  # the connection was made, and all of the first request sent
    pieces_in: int = 0  # segments in which its replies came; 0 where nobody has counted
    held_ms: float | None = None  # how long the link held it; None where nobody knows
    far: Far | None = None
    why: str = ""  # what the server said, or the error, where it was not answered

    @property
    def took_ms(self) -> float | None:
        """The time until the last reply, in ms; None when it was not answered."""
        return self.lasted_ms if self.end == "replied" else None

    @property
    def waits(self) -> bool:
        """Whether the server has the request and has not answered yet, as a busy server would."""
        return self.end == "silent" and self.accepted


@dataclass(frozen=True, slots=True)
class Knock:
    """The result of a connection through the link that sends a few bytes and its end.

    The link ends the connection; the server has no part in that.
    """

    end: End  # closed: as it should
    lasted_ms: float  # from its end to that of the other side
    early: bool = False  # before it had said anything: nothing listens behind the link


@dataclass(frozen=True, slots=True)
class CanaryPair:
    """A canary through the link and one beside it, sent at the same time."""

    through: Canary
    beside: Canary


Word = Literal["shown", "not shown", "target", "unknown"]


@dataclass(frozen=True, slots=True)
class CanaryDecision:
    """What the canaries show; `why` is empty when they show the expected effect."""

    word: Word
    why: str = ""

    def else_by(self, other: "CanaryDecision") -> "CanaryDecision":
        """Return the other decision if this one is "unknown" and the other is not."""
        return other if self.word == "unknown" and other.word != "unknown" else self


SHOWN: Final = CanaryDecision("shown")
Judge = Callable[[Sequence[CanaryPair]], CanaryDecision]


class Canaries(Protocol):
    """Sends canaries through and beside one link; for a process, both take the same path."""

    async def pairs(self, count: int = PAIRS, ask: Ask = SMALL) -> list[CanaryPair]:
        """Send that many pairs."""
        ...

    async def until(
        self, judge: Judge, within_s: float, ask: Ask = SMALL, least: int = PAIRS
    ) -> list[CanaryPair]:
        """Send pairs until `judge` decides, within that time."""
        ...

    async def knocks(self, count: int, size: int = 1, limit_s: float = LIMIT_S) -> list[Knock]:
        """Knock on the link; return [] where the server's protocol does not allow it."""
        ...


@dataclass(frozen=True, slots=True)
class VerificationResult:
    """The result of verifying a fault."""

    pairs: Sequence[CanaryPair]
    why_not: str  # why they do not show the fault; nothing when they do
    expected_ms: float | None = None  # what the fault adds to a round trip; None when none comes back
    added_ms: float | None = None  # what it added, as far as anybody could measure
