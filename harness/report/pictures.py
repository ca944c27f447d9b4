"""The charts of the page, each in its sizes, with how to read it, and its numbers in a table."""

from collections.abc import Mapping, Sequence

from harness.report.charts import CHARTS
from harness.report.drawing import Data
from harness.report.markup import Html, Node, el
from harness.report.pieces import table
from harness.report.reading import Reading


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
