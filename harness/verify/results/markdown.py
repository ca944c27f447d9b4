"""The results as Markdown, for the page of a CI job: what did not hold first, then all that was tried."""

from harness.foundation.units import MS_PER_S
from harness.foundation.untrusted.printable import printable as clean
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult

CELL_CHARS = 300


def markdown(suite: SuiteResult) -> str:
    """A heading, the sum, a table."""
    counted = ", ".join(f"{number} {outcome}" for outcome, number in suite.count().items() if number)
    order = {"failed": 0, "unknown": 1, "passed": 2, "skipped": 3}
    rows = [_row(result) for result in sorted(suite.results, key=lambda result: order[result.outcome])]
    head = [
        f"## {_cell(suite.target)}: {suite.verdict()}",
        "",
        f"{counted or 'nothing ran'} in {suite.duration_s:.1f} s",
        "",
        "| outcome | P | category | check | took | why |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _row(result: Result) -> str:
    why = "; ".join([*result.why.splitlines(), *([f"to run it: {result.how}"] if result.how else [])])
    took = "" if result.outcome == "skipped" else f"{result.duration_s * MS_PER_S:.0f} ms"
    cells = (result.outcome, str(result.priority), result.category, result.title, took, why)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """What stands in a table, and is neither markup nor its end."""
    shown = clean(text, CELL_CHARS)
    for sign in "\\|<>`*_[]":
        shown = shown.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return shown
