"""A comparison as one self-contained HTML page: verdict, then each figure with its interval drawn against its gate.

|----[ gate ]----|        the grey band is the gate: a change inside of it does not matter
      o---|---            the dot is the change, the line its 95 % interval, the thin line is no change
"""

import math
from itertools import groupby
from typing import Final

from harness.history.comparison import wording
from harness.history.comparison.comparison import Compared, Comparison
from harness.report.markup import Html, Node, el
from harness.report.page import document
from harness.report.pieces import MARK, section, table

WIDTH, HEIGHT = 220.0, 22.0
SPAN_GATES: Final = 4.0  # how many gates a drawing reaches to each side
STYLE: Final = """
.drawn { width: 220px; min-width: 220px; } .drawn svg { width: 220px; height: 22px; }
.word { font-weight: 600; color: var(--tone); } .word.inconclusive { --tone: var(--muted); font-weight: 400; }
.word.equivalent { --tone: var(--muted); } .word.improved { --tone: var(--pass); } .word.regressed { --tone: var(--fail); }
.sides { margin: 16px 0 0; padding: 0; list-style: none; } .sides li { overflow-wrap: anywhere; }
ul.remarks { margin: 0; padding-left: 20px; overflow-wrap: anywhere; }
"""
COLOUR: Final = {"regressed": "var(--fail)", "improved": "var(--pass)"}


def page(comparison: Comparison) -> str:
    """The whole page."""
    title = "described" if comparison.describes else wording.WORDS[comparison.verdict].lower()
    remarks = wording.remarks(comparison)
    return document(
        f"{comparison.scenario or 'Comparison'} · {title}",
        _header(comparison),
        section("Beside the figures", None, el("ul", *(el("li", one) for one in remarks), cls="remarks"))
        if remarks
        else None,
        _figures("Figures", [one for one in comparison.figures if one.leading]),
        _figures("Operations and levels", [one for one in comparison.figures if not one.leading]),
        _reading(),
        css=STYLE,
    )


def _header(comparison: Comparison) -> Html:
    outcome = "measured" if comparison.describes else wording.OUTCOME[comparison.verdict]
    verdict = "Described" if comparison.describes else wording.WORDS[comparison.verdict]
    return el(
        "header",
        el("h1", f"{comparison.scenario or 'Runs'}, compared"),
        el("p", "What changed from A to B, and whether it is more than noise", cls="sub"),
        el(
            "div",
            el(
                "p",
                el("strong", el("span", MARK[outcome], cls="mark", aria_hidden="true"), verdict),
                el("span", wording.headline(comparison)),
            ),
            cls=f"verdict {outcome}",
        ),
        el(
            "ul",
            *(el("li", wording.side(*one)) for one in (("A", comparison.a), ("B", comparison.b))),
            cls="sides",
        ),
    )


def _figures(title: str, figures: list[Compared]) -> Html | None:
    if not figures:
        return None
    heads = ("Figure", "A", "B", "Change", "", "95 % interval", "p", "Word")
    tables: list[Node] = []
    for of, rows in groupby(figures, key=lambda one: one.of):
        cells = [_row(one) for one in rows]
        tables += [el("h3", of), table(heads, cells, text=(0, 4, 7))]
    return section(title, None, *tables)


def _row(one: Compared) -> list[Node]:
    _, name, a, b, change, interval, chance, word = wording.cells(one)
    return [
        name,
        a,
        b,
        change,
        el("span", drawing(one), cls="drawn"),
        interval,
        chance,
        el("span", word, cls=f"word {one.word}"),
    ]


def drawing(one: Compared) -> Html | None:
    """The interval against the gate; what reaches beyond the drawing ends in an arrow's place at its edge."""
    if one.change is None or not one.gate:
        return None
    span = SPAN_GATES * _scale(one.gate, one)

    def at(change: float) -> float:
        share = max(-1.0, min(1.0, _scale(change, one) / span))
        return WIDTH / 2 * (1 + share * 0.97)

    middle = HEIGHT / 2
    band = at(one.gate) - WIDTH / 2
    colour = COLOUR.get(one.word, "var(--ink)")
    low, high = one.interval or (one.change, one.change)
    return el(
        "svg",
        _rect(WIDTH / 2 - band, 2 * band),
        _line(WIDTH / 2, 0, WIDTH / 2, HEIGHT, "var(--muted)", 1),
        _line(at(low), middle, at(high), middle, colour, 2),
        el("circle", cx=f"{at(one.change):.1f}", cy=f"{middle:.1f}", r="4", fill=colour),
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        role="img",
        aria_label=f"{wording.change(one.change, one)}, {wording.interval(one)}, gate {wording.change(one.gate, one)}",
    )


def _scale(change: float, one: Compared) -> float:
    return math.log1p(max(change, -0.999)) if one.ratio else change


def _rect(x: float, width: float) -> Html:
    size = {"x": f"{x:.1f}", "y": "1", "width": f"{width:.1f}", "height": f"{HEIGHT - 2:.0f}"}
    return el("rect", rx="3", fill="var(--grid)", **size)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int) -> Html:
    ends = {name: f"{value:.1f}" for name, value in (("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2))}
    return el("line", stroke=colour, stroke_width=str(width), **ends)


def _reading() -> Html:
    terms = (
        (
            "Regressed, improved",
            "too large for chance (p below 0.05, over all figures together), and beyond the gate.",
        ),
        ("Equivalent", "certainly inside the gate."),
        (
            "Inconclusive",
            "neither; in brackets, how many more repeats a side would decide if they are like these.",
        ),
        (
            "Gate",
            "the grey band: a change inside it does not matter. The drawing reaches four times as far to each side.",
        ),
        (
            "95 % interval",
            "the range of the change, from how much runs of one side differ. The run is the unit, never the call.",
        ),
        ("p", "how rarely chance alone shows such a change somewhere among the figures (Holm's steps)."),
    )
    return section(
        "How to read this",
        None,
        el("dl", *(el("div", el("dt", name), el("dd", text)) for name, text in terms), cls="facts terms"),
    )
