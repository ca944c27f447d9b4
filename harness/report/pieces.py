"""The building blocks of a page: a section, a table. Charts are in `pictures`: pages without any start sooner."""

from collections.abc import Sequence
from typing import Final

from harness.report.markup import Html, Node, el, join

MARK: Final = {"pass": "✓", "measured": "●", "fail": "✕", "unknown": "?"}


def section(title: str, lead: str | None, *content: Node) -> Html:
    return el("section", el("h2", title), el("p", lead, cls="lead") if lead else None, *content)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Node]],
    *,
    text: Sequence[int] = (0,),
    classes: Sequence[str] = (),
) -> Html:
    """A table that scrolls on a narrow screen; columns that are not in `text` hold numbers."""
    kinds = ["" if place in text else "num" for place in range(len(columns))]
    head = el(
        "tr", *(el("th", name, cls=kind, scope="col") for name, kind in zip(columns, kinds, strict=True))
    )
    body = [
        el("tr", *(el("td", cell, cls=kind) for cell, kind in zip(row, kinds, strict=True)), cls=css)
        for row, css in zip(rows, classes or [""] * len(rows), strict=True)
    ]
    table = el("table", el("thead", head), el("tbody", join(body)))
    return el("div", table, cls="scroll", tabindex="0", role="region", aria_label=", ".join(columns[:3]))
