"""When a client tries again: what for, how often, after how long, and when it may not.

    failed --is it worth it?--> attempts left? --> budget? --> wait --> another attempt

- Worth another attempt are failures of the connection, time-outs, and a server that says it is too busy (429, 502, 503,
  504). What a server answered otherwise it would answer again.
- The wait is drawn from nothing to a limit that doubles with each attempt (full jitter). A `Retry-After` in seconds
  makes it at least that long; whoever is told to wait for longer than a call may take gives up. A date is not heeded.
- The budget is a bucket of tokens of each user's own: a call earns a share of one, a retry costs one. So after n calls a
  user has tried again at most 1 + share x n times, however bad things are; at most `SAVED_MOST` are saved up.

Without a budget only the number of attempts bounds what a failing server gets on top: that many times the load.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Self

from harness.mcp import outcome
from harness.mcp.messages import Reply

WORTH_IT: Final = frozenset(
    {
        outcome.CONNECT,
        outcome.RESET,
        outcome.DISCONNECTED,
        outcome.STREAM_ENDED,
        outcome.TRUNCATED,
        outcome.TIMEOUT,
        outcome.RATE_LIMITED,
    }
)
TOO_BUSY: Final = frozenset({502, 503, 504})
FIRST_TOKENS: Final = 1.0
SAVED_MOST: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the clients of a run try again."""

    attempts: int  # the first among them
    backoff_s_first: float
    backoff_s_most: float
    budget: float | None  # what a call earns; None: no limit

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Self | None:
        """From what a worker was told; None when nothing is tried again."""
        return None if told is None else cls(**told)

    def wait_s(self, tried: int, reply: Reply, rng: Random) -> float:
        """How long to wait after so many attempts."""
        most_s = min(self.backoff_s_most, self.backoff_s_first * 2 ** (tried - 1))
        return max(rng.uniform(0.0, most_s), reply.retry_after_s or 0.0)


class RetryBudget:
    """One client's tokens."""

    __slots__ = ("_share", "_tokens")

    def __init__(self, share: float | None) -> None:
        self._share = share
        self._tokens = FIRST_TOKENS

    def earn(self) -> None:
        """A call was made."""
        if self._share is not None:
            self._tokens = min(SAVED_MOST, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether there is enough for a retry, which it then costs."""
        if self._share is None:
            return True
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def worth_it(reply: Reply) -> bool:
    """Whether another attempt may end better."""
    if reply.outcome in WORTH_IT:
        return True
    return reply.outcome == outcome.HTTP_STATUS and reply.status in TOO_BUSY


def retry_after_s(text: str) -> float | None:
    """The seconds of a `Retry-After`; None for a date, or anything else."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
