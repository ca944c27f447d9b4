"""The building blocks of the page: a section, a table, a chart, a badge."""

from collections.abc import Mapping, Sequence
from typing import Final

from harness.report import wording
from harness.report.charts import CHARTS
from harness.report.markup import Html, Node, el, join

MARK: Final = {"pass": "✓", "fail": "✕", "unknown": "?"}


def section(title: str, lead: str | None, *content: Node) -> Html:
    return el("section", el("h2", title), el("p", lead, cls="lead") if lead else None, *content)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Node]],
    *,
    text: Sequence[int] = (0,),
    classes: Sequence[str] = (),
) -> Html:
    """A table that scrolls by itself on a narrow screen; columns not in `text` are numbers."""
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


def figure(name: str, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    pictures = drawn.get(name) or ()
    if not pictures:
        return None
    kinds = ("wide", "narrow") if len(pictures) > 1 else ("",)
    return el(
        "figure",
        el("figcaption", CHARTS[name].title),
        *(el("div", Html(picture), cls=kind) for kind, picture in zip(kinds, pictures, strict=True)),
    )


def badge(outcome: str) -> Html:
    return el("span", f"{MARK[outcome]} {wording.WORDS[outcome].lower()}", cls=f"badge {outcome}")
