"""Trends as one self-contained HTML page: a chart a figure, its level before and after each change, each run on hover;
below them each objective and each recovery from a fault, a mark a night.
"""

from collections.abc import Sequence
from typing import Final

from harness.history.comparison import wording
from harness.history.over_time import Outcomes
from harness.history.trend.series import Series, Trend
from harness.history.trend.sparkline import OUTCOME_WORDS, count, moment, outcomes, said_night
from harness.report.markup import Html, Node, el
from harness.report.page import document
from harness.report.pieces import section

WIDTH, HEIGHT, EDGE = 520.0, 120.0, 10.0
STRIP: Final = 26.0
RADIUS: Final = {"pass": "3", "fail": "6", "unknown": "5"}  # told apart without colours
STYLE: Final = """
.trends { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)); gap: 22px 28px; }
.trends figure, .trends figure + figure { margin: 0; } .trends circle { fill: var(--blue); }
.trends circle:hover { fill: var(--ink); } .trends .worse { color: var(--fail); } .trends .said { font-weight: 400; color: var(--muted); }
.trends circle.pass, .trends circle.fail, .trends circle.unknown { fill: var(--tone); }
.of-series { margin: 40px 0 0; }
"""


def page(trends: Sequence[Trend]) -> str:
    """The whole page: the trend of each series."""
    several = len(trends) > 1
    name = trends[0].scenario or "Runs"
    return document(
        f"{name} · trend",
        el(
            "header",
            el("h1", f"{name}: trend"),
            el("p", f"{len(trends)} series, each of its own machine, server, protocol or branch", cls="sub")
            if several
            else el("p", f"{count(trends[0])}, oldest first", cls="sub"),
            None if several else _summary(trends[0]),
        ),
        *(node for one in trends for node in _series(one, several=several)),
        css=STYLE,
    )


def _summary(one_trend: Trend) -> Html:
    worse = [
        f"{one.of}: {one.name} became worse by {abs(change.change):.1%} with {moment(one, change.at)}"
        for one in one_trend.series
        for change in one.worse
    ]
    return el("ul", *(el("li", line) for line in worse or ["No figure became worse and stayed so."]))


def _series(one_trend: Trend, *, several: bool) -> list[Node]:
    charts: dict[str, list[Node]] = {}
    for one in one_trend.series:
        charts.setdefault(one.of, []).append(chart(one))
    nodes: list[Node] = [section(of, None, el("div", *drawn, cls="trends")) for of, drawn in charts.items()]
    if one_trend.outcomes:
        strips = [strip(one, one_trend) for one in one_trend.outcomes]
        nodes.append(section("Objectives and recoveries", None, el("div", *strips, cls="trends")))
    if several:
        nodes.insert(0, el("h2", count(one_trend), cls="of-series"))
        nodes.insert(1, _summary(one_trend))
    return nodes


def strip(one: Outcomes, one_trend: Trend) -> Html:
    """A mark a night: held or missed, recovered or not."""
    marks: list[Node] = []
    for at, (point, held) in enumerate(zip(one_trend.points, one.held, strict=True)):
        if held is None:
            continue
        x = EDGE + (WIDTH - 2 * EDGE) * (at / max(1, len(one_trend.points) - 1))
        title = el(
            "title",
            f"{said_night(point.name, point.at_s, point.commit)}: {OUTCOME_WORDS[one.kind][held.outcome]}",
        )
        marks.append(
            el(
                "circle",
                title,
                cx=f"{x:.1f}",
                cy=f"{STRIP / 2:.1f}",
                r=RADIUS[held.outcome],
                cls=held.outcome,
            )
        )
    texts = outcomes(one)
    return el(
        "figure",
        el(
            "figcaption",
            one.name if one.kind == "objective" else f"recovery from {one.name}",
            el(
                "span",
                f" {texts}",
                cls="worse" if any(held and held.outcome == "fail" for held in one.held) else "said",
            ),
        ),
        el(
            "svg",
            *marks,
            viewBox=f"0 0 {WIDTH:.0f} {STRIP:.0f}",
            role="img",
            aria_label=f"{one.name}: {texts}",
        ),
    )


def chart(one: Series) -> Html:
    """Points, the level of each stretch, a line at each change. A point says its run, day, commit and value on hover."""
    values = [point.value for point in one.points]
    low, high = min(values), max(values)
    span, floor = _scale(low, high, one.unit)

    def x(at: float) -> float:
        return EDGE + (WIDTH - 2 * EDGE) * (at / max(1, len(values) - 1))

    def y(value: float) -> float:
        return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (value - floor) / span

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
    sentences = [
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
            el("span", f" changed {', '.join(sentences)}", cls="worse" if worse else "said")
            if sentences
            else None,
        ),
        el("svg", *drawn, viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", aria_label=label),
    )


def _scale(low: float, high: float, unit: str) -> tuple[float, float]:
    """The height of a chart and its lowest value: a tenth of its level at least, so that noise looks like noise."""
    middle = (low + high) / 2
    span = max(high - low, 0.02 if unit == "share" else abs(middle) / 10) or 1.0
    return span, middle - span / 2


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> Html:
    ends = {name: f"{value:.1f}" for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
    return el("line", stroke=colour, stroke_width="1.5", **ends)
