"""A trend as one self-contained HTML page: a chart a figure, its level before and after each change, each run on hover."""

from typing import Final

from harness.history.comparison import wording
from harness.history.trend.series import Series, Trend
from harness.history.trend.sparkline import count, moment
from harness.report.markup import Html, Node, el
from harness.report.page import document
from harness.report.pieces import section

WIDTH, HEIGHT, EDGE = 520.0, 120.0, 10.0
STYLE: Final = """
.trends { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 22px 28px; }
.trends figure, .trends figure + figure { margin: 0; } .trends circle { fill: var(--blue); }
.trends circle:hover { fill: var(--ink); } .trends .worse { color: var(--fail); } .trends .said { font-weight: 400; color: var(--muted); }
"""


def page(found: Trend) -> str:
    """The whole page."""
    worse = [(one, change) for one in found.series for change in one.worse]
    said = (
        [
            f"{one.of}: {one.name} became worse by {abs(change.change):.1%} with {moment(one, change.at)}"
            for one, change in worse
        ]
        if worse
        else ["No figure became worse for good."]
    )
    charts: dict[str, list[Node]] = {}
    for one in found.series:
        charts.setdefault(one.of, []).append(chart(one))
    return document(
        f"{found.scenario or 'Runs'} · trend",
        el(
            "header",
            el("h1", f"{found.scenario or 'Runs'}: trend"),
            el("p", f"{count(found)}, oldest first", cls="sub"),
            el("ul", *(el("li", line) for line in said)),
        ),
        *(section(of, None, el("div", *drawn, cls="trends")) for of, drawn in charts.items()),
        css=STYLE,
    )


def chart(one: Series) -> Html:
    """Points, the level of each stretch, a line at each change. A point says its run, day, commit and value on hover."""
    values = [point.value for point in one.points]
    low, high = min(values), max(values)
    span = (high - low) or 1.0

    def x(at: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * (at / max(1, len(values) - 1))

    def y(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - low) / span

    edges = [0, *(change.at for change in one.changes), len(values)]
    levels = [one.changes[0].before, *(change.after for change in one.changes)] if one.changes else []
    drawn: list[Node] = [
        _line(x(start), y(level), x(end - 1), y(level), "var(--muted)")
        for level, start, end in zip(levels, edges, edges[1:], strict=False)
    ]
    worse = {change.at for change in one.worse}
    for change in one.changes:
        colour = "var(--fail)" if change.at in worse else "var(--muted)"
        drawn.append(_line(x(change.at - 0.5), 0, x(change.at - 0.5), HEIGHT, colour))
    for at, point in enumerate(one.points):
        title = el("title", f"{moment(one, at)}: {wording.show(point.value, one.unit)}")
        drawn.append(el("circle", title, cx=f"{x(at):.1f}", cy=f"{y(point.value):.1f}", r="3"))
    said = [
        f"{change.change:+.1%}" + (" (marked as false)" if change.at in one.marked else "")
        for change in one.changes
    ]
    label = f"{one.name}: {wording.show(values[0], one.unit)} to {wording.show(values[-1], one.unit)}"
    return el(
        "figure",
        el(
            "figcaption",
            one.name,
            el("span", f" {wording.show(low, one.unit)} to {wording.show(high, one.unit)}", cls="said"),
            el("span", f" changed {', '.join(said)}", cls="worse" if worse else "said") if said else None,
        ),
        el("svg", *drawn, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", aria_label=label),
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> Html:
    ends = {name: f"{value:.1f}" for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
    return el("line", stroke=colour, stroke_width="1.5", **ends)
