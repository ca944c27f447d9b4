"""The checklist on a terminal: one line a check, as it ends; below it why not, and what to do.

ok  reach     somebody answers                                    3 ms
NO  tools     a tool that only reads answers [2025-11-25]       120 ms
    list_views came to tool_error: no such table

Checks that were not run because another one failed are only counted. When so much was printed that a failure has scrolled away,
what failed is said once more at the end.
"""

from collections.abc import Callable
from typing import Final

import click

from harness.foundation.secrets import redact
from harness.foundation.units import MS_PER_S
from harness.foundation.untrusted import printable
from harness.verify.finding import PRIORITIES, STOPPED_BY, Outcome, Result
from harness.verify.results.suite import SuiteResult

MARKS: Final[dict[Outcome, str]] = {"passed": "ok", "failed": "NO", "skipped": "--", "unknown": "??"}
COLOURS: Final[dict[Outcome, str]] = {
    "passed": "green",
    "failed": "red",
    "skipped": "bright_black",
    "unknown": "yellow",
}
TITLE_WIDTH: Final = 78
SCREEN_LINES: Final = 20
INDENT: Final = " " * 4
WHY_CHARS: Final = 300

Say = Callable[[str], None]


class Checklist:
    """Says a line as each result comes, and the sum at the end."""

    def __init__(self, say: Say, *, colour: bool) -> None:
        self._say: Say = lambda line: say(printable.without_commands(line))
        self._colour = colour
        self._priority = 0
        self._skipped = ("", "")
        self._not_run = 0
        self._lines_since_failed = 0

    def began(self, target: str) -> None:
        self._say(f"Verifying {printable.printable(redact.url(target), WHY_CHARS)}")

    def ended(self, result: Result) -> None:
        """One check."""
        if result.outcome == "skipped" and result.why.startswith(STOPPED_BY):
            self._not_run += 1
            return
        self._lines_since_failed = 0 if result.outcome == "failed" else self._lines_since_failed + 1
        if result.priority != self._priority:
            self._priority = result.priority
            self._say(f"\nP{result.priority}, {PRIORITIES[result.priority]}")
        mark = self._painted(f"{MARKS[result.outcome]:>2}", result.outcome)
        title = printable.printable(result.title, TITLE_WIDTH).ljust(TITLE_WIDTH)
        took = "" if result.outcome == "skipped" else f"{result.duration_s * MS_PER_S:7.0f} ms"
        again = f"  (try {result.tries})" if result.tries > 1 else ""
        self._say(f"{mark}  {result.category:<11} {title} {took}{again}".rstrip())
        if result.outcome == "skipped" and (result.why, result.how) == self._skipped:
            return  # as the one before
        self._skipped = (result.why, result.how)
        for line in [*result.why.splitlines(), *([f"to run it: {result.how}"] if result.how else [])]:
            self._say(INDENT + printable.printable(line, WHY_CHARS))

    def finished(self, suite: SuiteResult, place: str) -> None:
        """The sum."""
        if self._not_run:
            self._say(f"--  {self._not_run} more checks were not run; --keep-going runs them, too")
        failed = [result for result in suite.results if result.outcome == "failed"]
        if failed and self._lines_since_failed > SCREEN_LINES:
            self._failed_again(failed)
        for note in suite.notes:
            self._say(f"\nNote: {printable.printable(note, WHY_CHARS)}")
        counted = ", ".join(f"{number} {outcome}" for outcome, number in suite.count().items() if number)
        who = f" {printable.printable(suite.server, 100)}:" if suite.server else ""
        self._say(f"\n{counted or 'nothing ran'} in {suite.duration_s:.1f} s")
        self._say(f"{who} {suite.verdict()} (exit code {suite.exit_code})".strip())
        if place:
            self._say(f"Results: {place}")

    def _failed_again(self, failed: list[Result]) -> None:
        self._say("\nWhat failed:")
        for result in failed:
            mark = self._painted(MARKS["failed"], "failed")
            self._say(f"{mark}  {result.category:<11} {printable.printable(result.title, TITLE_WIDTH)}")
            self._say(INDENT + printable.printable(next(iter(result.why.splitlines()), ""), WHY_CHARS))

    def _painted(self, text: str, outcome: Outcome) -> str:
        return click.style(text, fg=COLOURS[outcome]) if self._colour else text
