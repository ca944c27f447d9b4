"""The table of coverage: of what a server offers, what was called, how it answered, and what was left out, and why."""

from collections.abc import Sequence
from typing import Final

from msgspec import UnsetType

from harness.analysis.statistics.rounding import BLANK
from harness.report.markup import Html, Node, el
from harness.report.pieces import section, table
from harness.report.reading import Reading
from harness.run_directory.results import Covered, Summary

COLUMNS: Final = ("Offered", "Kind", "Calls", "Ok", "Failed", "Refused arguments", "Left out, because")
ROWS_MOST: Final = 200


def offered(summary: Summary) -> Sequence[Covered]:
    """The rows: what was called first, then what was left out, each in the server's order."""
    coverage = summary.coverage
    if isinstance(coverage, UnsetType):
        return ()
    return sorted(coverage, key=lambda one: one.left_out is not None)


def sentence(summary: Summary) -> str:
    """How much of what the server offers was called and answered; empty where only some calls were asked for."""
    rows = offered(summary)
    if not rows:
        return ""
    parts = []
    for kind in dict.fromkeys(one.kind for one in rows):
        those = [one for one in rows if one.kind == kind]
        ok = sum(one.ok > 0 for one in those)
        parts.append(f"{ok} of {len(those)} {kind if len(those) == 1 else kind + 's'}")
    never = sum(one.left_out is None and not one.calls for one in rows)
    left_out = sum(one.left_out is not None for one in rows)
    refused = sum(one.refused_arguments for one in rows)
    more = [
        f"{left_out} left out" if left_out else "",
        f"{never} not reached in this time" if never else "",
        f"{refused:,} calls refused for their arguments" if refused else "",
    ]
    return ", ".join([f"{' and '.join(parts)} answered", *filter(None, more)])


def cells(one: Covered) -> list[str]:
    """A row of the table as texts."""
    if one.left_out is not None:
        return [one.name, one.kind, BLANK, BLANK, BLANK, BLANK, one.left_out]
    return [
        one.name,
        one.kind,
        *(f"{n:,}" for n in (one.calls, one.ok, one.failed, one.refused_arguments)),
        "",
    ]


def coverage(reading: Reading) -> Html | None:
    """The section of the page."""
    rows = offered(reading.summary)
    if not rows:
        return None
    body: list[list[Node]] = []
    for one in rows[:ROWS_MOST]:
        name, *numbers, why = cells(one)
        body.append([el("code", name), *numbers, el("span", why, cls="long")])
    left = len(rows) - len(body)
    return section(
        "Coverage",
        f"{sentence(reading.summary)}. Each thing that the server offers was tried before the load, with arguments made from its "
        "schema; the load calls what worked. Calls are those of the load.",
        table(COLUMNS, body, text=(0, 1, 6)),
        el("p", f"{left:,} more are in summary.json.", cls="note") if left > 0 else None,
    )
