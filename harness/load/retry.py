"""When a client retries: for which failures, how often, after how long, and when its budget forbids it.

    failed --is it worth it?--> attempts left? --> budget? --> wait --> another attempt
- Worth a retry are failures of the connection, time-outs, and a server that is too busy (429, 502, 503, 504).
  To any other answer a retry would only bring the same answer.
- The wait is drawn between 0 and a limit that doubles with each attempt (full jitter). A `Retry-After` in
  seconds makes it at least that long; if that exceeds the timeout of a call, the client gives up. A date is
  ignored.
- The retry budget is a token bucket for each user: a call earns a share of a token, a retry costs one. So
  after n calls a user has retried at most 1 + share x n times, whatever fails; at most `SAVED_MOST` tokens
  are kept.
Without a budget only the number of attempts limits the load on a failing server: up to that many times the
load.
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
    """How the clients of a run retry."""

    attempts: int  # with the first
    backoff_s_first: float
    backoff_s_most: float
    budget: float | None  # share of a token that a call earns; None: no limit

    @classmethod
    def of(cls, fields: Mapping[str, Any] | None) -> Self | None:
        """Return the policy from a worker's specification; None when nothing is retried."""
        return None if fields is None else cls(**fields)

    def wait_s(self, tried: int, reply: Reply, rng: Random) -> float:
        """Return how long to wait after `tried` attempts."""
        most_s = min(self.backoff_s_most, self.backoff_s_first * 2 ** (tried - 1))
        return max(rng.uniform(0.0, most_s), reply.retry_after_s or 0.0)


class RetryBudget:
    """The token bucket of one client."""

    __slots__ = ("_share", "_tokens")

    def __init__(self, share: float | None) -> None:
        self._share = share
        self._tokens = FIRST_TOKENS

    def earn(self) -> None:
        """Note that a call was made, which earns a share of a token."""
        if self._share is not None:
            self._tokens = min(SAVED_MOST, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether there is a token for a retry; if so, it is spent."""
        if self._share is None:
            return True
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def worth_it(reply: Reply) -> bool:
    """Whether a retry may succeed."""
    if reply.outcome in WORTH_IT:
        return True
    return reply.outcome == outcome.HTTP_STATUS and reply.status in TOO_BUSY


def retry_after_s(text: str) -> float | None:
    """Return the seconds of a `Retry-After`; None for a date, or anything else."""
    text = text.strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else None
