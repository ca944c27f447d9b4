"""The faults of a run as a table: the fault, whether it happened, how many calls it touched, and its effect.

Three lines per fault (before, during, after), so that figures are compared down a column. A folded part below
tells how each fault was verified: the times of canaries through the link and beside it, and by how many times
the added delay the calls were slowed down.
"""

from collections.abc import Sequence
from typing import Final

from harness.analysis.faults import phases
from harness.analysis.faults.impact import Impact
from harness.analysis.faults.phases import Figures
from harness.analysis.statistics.rounding import BLANK, show
from harness.report import wording
from harness.report.markup import Html, Node, el
from harness.report.pieces import section, table
from harness.report.reading import Reading

MOST: Final = 50
COLUMNS: Final = ("Fault", "Verified", "Exposed", "", "Calls", "Success", "p50", "p95", "Recovery")
TEXT: Final = ("Fault", "Verified", "Exposed", "", "Recovery")


def faults(reading: Reading) -> Html | None:
    """The section about faults; None for a run without faults."""
    impacts = reading.impacts
    if not impacts:
        return None
    shown = impacts[:MOST]
    left_out = len(impacts) - len(shown)
    head = el("tr", *(el("th", name, cls=_column(name), scope="col") for name in COLUMNS))
    bodies = [el("tbody", *_rows(impact), cls="fault") for impact in shown]
    return section(
        "Faults",
        "Before: the thirty seconds before the fault. During: the calls it touched. After: the thirty seconds from "
        "healing on. Percentiles are of response time, of ok calls.",
        el(
            "div",
            el("table", el("thead", head), *bodies),
            cls="scroll",
            tabindex="0",
            role="region",
            aria_label="Faults",
        ),
        el("p", f"{left_out:,} more faults are in summary.json.", cls="note") if left_out else None,
        _by_operation(shown),
        _verification(shown),
    )


def _rows(impact: Impact) -> list[Html]:
    first, *rest = (("before", impact.before), ("during", impact.during), ("after", impact.after))
    fault = impact.fault
    about: list[Node] = [
        el(
            "td",
            el("strong", fault.name),
            _small(wording.fault_what(fault)),
            _small(wording.fault_when(impact)),
            _small(wording.fault_did(impact)),
        ),
        el("td", _badge(impact), _small(_why(impact))),
        el("td", *_exposed(impact)),
    ]
    spanning = [_spanned(cell) for cell in about]
    recovery = _spanned(el("td", *_recovery(impact), cls="recovery"))
    lines = [el("tr", *spanning, *_figures(*first), recovery)]
    lines += [el("tr", *_figures(*one), cls=one[0]) for one in rest]
    return lines


def _column(name: str) -> str:
    return "recovery" if name == "Recovery" else "" if name in TEXT else "num"


def _spanned(cell: Node) -> Html:
    assert isinstance(cell, Html)
    return Html(cell.text.replace("<td", '<td rowspan="3"', 1))


def _figures(phase: str, figures: Figures) -> list[Html]:
    values = (
        show(figures.calls, "count") if figures.calls else BLANK,
        show(figures.success_rate, "share"),
        show(figures.p50_ms, "ms"),
        show(figures.p95_ms, "ms"),
    )
    return [el("td", phase, cls="phase"), *(el("td", value, cls="num") for value in values)]


def _badge(impact: Impact) -> Html:
    mark, words, outcome = wording.fault_state(impact)
    return el("span", f"{mark} {words}", cls=f"badge {outcome}")


def _why(impact: Impact) -> str:
    fault = impact.fault
    if fault.window is None:
        return fault.skipped_why
    return fault.unhealed_why or fault.unverified_why


def _exposed(impact: Impact) -> list[Node]:
    if impact.fault.window is None:
        return [BLANK]
    many = impact.exposure
    return [
        f"{many.calls:,} call{'s' if many.calls != 1 else ''}",
        _small(f"{many.connections:,} connection{'s' if many.connections != 1 else ''}"),
        _small(_sessions(impact)),
    ]


def _sessions(impact: Impact) -> str:
    lost = impact.result.sessions_lost
    calls = f"{lost:,} call{'s' if lost != 1 else ''} found no session" if lost else ""
    return "; ".join(filter(None, (wording.fate(impact), calls)))


def _recovery(impact: Impact) -> list[Node]:
    if impact.fault.window is None:
        return [BLANK]
    words, why = wording.recovery(impact)
    tone = {"recovered": "pass", "not_recovered": "fail", "unknown": "unknown"}[impact.recovery.outcome]
    return [el("span", words, cls=f"badge {tone}"), _small(wording.resolution(impact.recovery)), _small(why)]


def _by_operation(impacts: Sequence[Impact]) -> Html | None:
    """A table of single operations, for faults that affected operations differently."""
    body: list[list[Node]] = []
    for impact in impacts:
        some = phases.shown(impact.operations)
        for index, one in enumerate(some[: phases.SHOWN_MOST]):
            each = (one.before, one.during, one.after)
            body.append(
                [
                    "" if index else impact.fault.name,
                    one.name,
                    *(show(phase.success_rate, "share") for phase in each),
                    *(show(phase.p50_ms, "ms") for phase in each),
                    *(show(phase.p95_ms, "ms") for phase in each),
                    wording.operation_recovery(one.found),
                ]
            )
        if len(some) > phases.SHOWN_MOST:
            body.append(["", f"{len(some) - phases.SHOWN_MOST} more in summary.json", *[""] * 10])
    if not body:
        return None
    times = ("before", "during", "after")
    columns = (
        "Fault",
        "Operation",
        *(f"{name} {when}" for name in ("Success", "p50", "p95") for when in times),
        "Recovery",
    )
    return el(
        "div",
        el("h3", "By operation"),
        el("p", "Operations that reacted differently to the fault, the worst first.", cls="note"),
        table(columns, body, text=(0, 1, 11)),
    )


def _small(text: str) -> Html | None:
    return el("div", text, cls="small") if text else None


def _verification(impacts: Sequence[Impact]) -> Html | None:
    body: list[list[Node]] = []
    for impact in impacts:
        seen = impact.fault.canaries
        if seen.through_ms is None and seen.beside_ms is None:
            continue
        both = None if seen.through_ms is None or seen.beside_ms is None else seen.through_ms - seen.beside_ms
        added = both if seen.added_ms is None else seen.added_ms  # without the server's own time
        was, now = impact.before.p50_ms, impact.during.p50_ms
        slower = None if was is None or now is None else now - was
        times = impact.amplification
        body.append(
            [
                impact.fault.name,
                show(seen.beside_ms, "ms"),
                "no reply" if seen.through_ms is None else show(seen.through_ms, "ms"),
                _signed(added),
                _signed(seen.expected_ms),
                _signed(slower),
                BLANK if times is None else f"{times:.1f}\N{MULTIPLICATION SIGN}",
            ]
        )
    if not body:
        return None
    columns = (
        "Fault",
        "Around the link",
        "Through the link",
        "Added",
        "Requested",
        "Median call slower by",
        "Amplification",
    )
    return el(
        "details",
        el("summary", "How each was verified"),
        el(
            "p",
            "While the fault was on, the harness sent canaries (small timed requests) through the link and around it. "
            "Amplification: how much slower the median call was, as a multiple of the delay that was requested; a "
            "call that makes several round trips over the link waits several times.",
            cls="note",
        ),
        table(columns, body),
    )


def _signed(value: float | None) -> str:
    if value is None:
        return BLANK
    sign = "+" if value >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{show(abs(value), 'ms')}"
