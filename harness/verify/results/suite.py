"""What became of a whole verification, as one value: everything that is shown or written is made of it."""

from collections import Counter
from dataclasses import dataclass

from harness.verify.finding import OUTCOMES, Result


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """Results in the order in which they came."""

    target: str  # its address, fit to be shown
    server: str  # how it introduced itself; may be empty
    results: tuple[Result, ...]
    exit_code: int
    started_ms: int
    duration_s: float
    interrupted: bool = False
    notes: tuple[str, ...] = ()  # on what was asked for, a line each

    def count(self) -> dict[str, int]:
        """How many there are of each outcome."""
        counts = Counter(result.outcome for result in self.results)
        return {outcome: counts[outcome] for outcome in OUTCOMES}

    def verdict(self) -> str:
        """In one line, what the exit code says."""
        if self.interrupted:
            return "interrupted: not verified"
        return {
            0: "fit to serve",
            1: "not fit to serve: a check that must hold failed",
            3: "unknown: a required check could not be decided",
            4: "not reached: nothing to verify",
            8: "fit to serve, though some checks of quality failed",
        }.get(self.exit_code, "not verified")
