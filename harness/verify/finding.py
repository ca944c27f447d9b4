"""What a check can come to, how a check says so, and the exit code that follows.

    fail("why")                     it does not hold
    skip("why", "how to run it")    it does not apply, or cannot be tried
    undecided("why")                it was tried, and nobody can say

A check that simply ends has passed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

import pytest

from harness.foundation.errors import (
    FAILED,
    ONLY_P2_FAILED,
    PASSED,
    TARGET_UNREACHABLE,
    UNKNOWN,
    HarnessError,
)
from harness.verify.exchanges import Exchange

Outcome = Literal["passed", "failed", "skipped", "unknown"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("passed", "failed", "skipped", "unknown")
CATEGORIES: Final = {
    "reach": "it answers at this address, with a valid certificate",
    "auth": "requests without credentials are refused",
    "protocol": "it speaks MCP at each door, and refuses malformed requests properly",
    "tools": "its tools are listed, described and can be called",
    "sessions": "sessions persist, stay separate, and end",
    "data": "writes are not lost",
    "queue": "queued work is taken up",
    "tasks": "tasks finish",
    "deploy": "clients survive a deploy",
    "limits": "it is fast enough",
    "concurrency": "concurrent clients each get their own results",
}
STOPPED_BY: Final = "not run, because another check failed"  # how the reason of such a skipped check begins
HTTP: Final = "http"  # the mark of a check that needs HTTP, or clients that share a server
PRIORITIES: Final = {1: "must hold", 2: "quality"}


class UndecidedError(HarnessError):
    """It was tried, and nobody can say whether it holds."""

    exit_code = UNKNOWN


@dataclass(frozen=True, slots=True)
class Result:
    """What one check came to."""

    name: str  # the sentence that its function is named for
    case: str  # what it was tried on, such as a door; may be empty
    place: str  # FILE::TEST, as pytest has it
    priority: int
    category: str
    outcome: Outcome
    why: str = ""
    how: str = ""  # to make a skipped one run
    started_ms: int = 0  # since 1970
    duration_s: float = 0.0
    tries: int = 1  # of a check that is timed
    exchanges: tuple[Exchange, ...] = ()  # of one that did not hold

    @property
    def title(self) -> str:
        return f"{self.name} [{self.case}]" if self.case else self.name


def fail(why: str) -> NoReturn:
    """It does not hold."""
    pytest.fail(why, pytrace=False)


def skip(why: str, how: str) -> NoReturn:
    """It does not apply, or cannot be tried."""
    pytest.skip(f"{why}\n{how}")


def undecided(why: str) -> NoReturn:
    """It was tried, and nobody can say."""
    raise UndecidedError(why)


def exit_code(results: Iterable[Result], *, reached: bool) -> int:
    """Of a whole suite; one in which nothing was decided is unknown."""
    if not reached:
        return TARGET_UNREACHABLE
    all_results = list(results)
    if any(result.outcome == "failed" and result.priority == 1 for result in all_results):
        return FAILED
    if any(result.outcome == "failed" for result in all_results):
        return ONLY_P2_FAILED
    if any(result.outcome == "unknown" for result in all_results):
        return UNKNOWN
    return PASSED if any(result.outcome == "passed" for result in all_results) else UNKNOWN
