"""The resilience matrix as a table that is easy to scan: a colour, a mark and a word for each fault.

Beside each word stand its reasons; above the table, the count of each word, and the weaknesses by name. A
folded part below explains the words.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from harness.analysis.faults.matrix import Row
from harness.analysis.statistics.rounding import show
from harness.report import wording
from harness.report.markup import Html, Node, el
from harness.report.pieces import section
from harness.report.reading import Reading

COLUMNS: Final = (
    ("Fault", 1),
    ("Result", 1),
    ("Success", 3),
    ("p95", 3),
    ("Recovered", 1),
    ("Sessions lost", 1),
    ("Work lost", 1),
)
PHASES: Final = ("before", "during", "after")
MEANING: Final[Mapping[str, str]] = {
    "survived": "No more calls failed than before it, and no session was lost. Calls may have been slower.",
    "degraded": "More calls failed than chance explains, or sessions were lost; the service recovered by itself, and kept "
    "what it had acknowledged.",
    "broke": "Acknowledged work is missing or was done twice, or the service had not recovered by the end of the row.",
    "not_exposed": "The fault was on, but touched no call: this shows nothing.",
    "unknown": "It could not be decided; the reason is given in the row.",
}


def matrix(reading: Reading) -> Html | None:
    """The section about the matrix; None for a run without one."""
    rows = reading.matrix
    if not rows:
        return None
    return section(
        "Resilience",
        f"{wording.matrix_count(rows)}. Each fault for a while, under the same load; success and p95 before it, while "
        "it was on, and after it.",
        _weaknesses(reading),
        el(
            "div",
            el("table", _head(), el("tbody", *(_row(row) for row in rows)), cls="matrix"),
            cls="scroll",
            tabindex="0",
            role="region",
            aria_label="Resilience, fault by fault",
        ),
        _not_applicable(reading),
        el(
            "details",
            el("summary", "What the words mean"),
            el(
                "dl",
                *(el("div", el("dt", _badge(name)), el("dd", words)) for name, words in MEANING.items()),
                cls="facts",
            ),
        ),
    )


def _weaknesses(reading: Reading) -> Html | None:
    """A list of the recognised weaknesses by name; None when there are none."""
    weaknesses = reading.summary.matrix.weaknesses if reading.summary.matrix else ()
    if not weaknesses:
        return None
    return el(
        "ul",
        *(el("li", el("strong", one.name), f": {one.seen}.") for one in weaknesses),
        cls="weaknesses",
    )


def _not_applicable(reading: Reading) -> Html | None:
    """The rows that cannot apply to this target, by the reason; None when there are none."""
    beyond = reading.summary.matrix.not_applicable if reading.summary.matrix else ()
    if not beyond:
        return None
    return el(
        "dl",
        *(
            el("div", el("dt", "Not applicable"), el("dd", f"{', '.join(one.rows)}: {one.why}"))
            for one in beyond
        ),
        cls="facts",
    )


def _head() -> Html:
    first = [_heading(name, wide) for name, wide in COLUMNS]
    second = [el("th", phase, cls="num", scope="col") for _ in range(2) for phase in PHASES]
    return el("thead", el("tr", *first), el("tr", *second))


def _heading(name: str, wide: int) -> Html:
    if wide > 1:
        return el("th", name, cls="phases", colspan=str(wide), scope="colgroup")
    kind = "num" if name.endswith("lost") else ""
    return el("th", name, cls=kind, rowspan="2", scope="col")


def _row(row: Row) -> Html:
    one = row.last
    phases = (one.before, one.during, one.after)
    cells: Sequence[Node] = [
        el("th", row.name, _small(wording.fault_what(one.fault)), scope="row"),
        el("td", _badge(row.outcome), _small(row.why), cls=f"taken {TONE[row.outcome]}"),
        *(el("td", show(phase.success_rate, "share"), cls="num") for phase in phases),
        *(el("td", show(phase.p95_ms, "ms"), cls="num") for phase in phases),
        el("td", wording.back(row)),
        el("td", f"{row.sessions_lost:,}", cls="num"),
        el("td", wording.work_lost(row), cls="num"),
    ]
    return el("tr", *cells)


TONE: Final[Mapping[str, str]] = {
    "survived": "pass",
    "degraded": "degraded",
    "broke": "fail",
    "not_exposed": "untold",
    "unknown": "untold",
}


def _badge(outcome: str) -> Html:
    return el("span", wording.TAKEN[outcome], cls=f"badge {TONE[outcome]}")


def _small(text: str) -> Html | None:
    return el("div", text, cls="small") if text else None
