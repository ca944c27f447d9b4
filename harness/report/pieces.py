"""The building blocks of the page: a section, a table, a chart, a badge."""

from collections.abc import Mapping, Sequence
from typing import Final

from harness.report import wording
from harness.report.charts import CHARTS
from harness.report.drawing import Data
from harness.report.markup import Html, Node, el, join
from harness.report.reading import Reading

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


def figure(name: str, drawn: Mapping[str, Sequence[str]], reading: Reading) -> Html | None:
    """A chart in its sizes, with how to read it, and its numbers folded away below."""
    if not drawn.get(name):
        return None
    chart = CHARTS[name]
    hint = el("span", chart.hint, cls="hint") if chart.hint else None
    return picture(name, drawn, hint, data_table(chart.data(reading), chart.title))


def picture(name: str, drawn: Mapping[str, Sequence[str]], hint: Node = None, below: Node = None) -> Html:
    """The pictures of a chart; the page shows the one that fits."""
    pictures = drawn[name]
    kinds = ("wide", "narrow") if len(pictures) > 1 else ("",)
    return el(
        "figure",
        el("figcaption", CHARTS[name].title, hint),
        *(el("div", Html(picture), cls=kind) for kind, picture in zip(kinds, pictures, strict=True)),
        below,
    )


def data_table(data: Data | None, title: str) -> Html | None:
    """The numbers of a chart as a table."""
    if data is None:
        return None
    return el(
        "details",
        el("summary", "Numbers", el("span", f" of {title.lower()}", cls="unseen")),
        table(data.columns, data.rows),
        cls="numbers",
    )


def badge(outcome: str) -> Html:
    return el("span", f"{MARK[outcome]} {wording.WORDS[outcome].lower()}", cls=f"badge {outcome}")
