"""The report for a terminal: a line per step and per fault, the outcomes, the breaking point, the verdict.

With colour where standard output is a terminal and NO_COLOR is not set; the same plain, aligned text
otherwise, so that a log reads like the screen.
"""

import os
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.analysis.faults import phases
from harness.analysis.health import lost_parts as parts
from harness.analysis.health import refused_workers
from harness.analysis.levels import breaking_point
from harness.analysis.statistics.rounding import show
from harness.foundation.untrusted.printable import printable as clean
from harness.foundation.untrusted.printable import without_commands
from harness.report import coverage, figures, wording
from harness.report.authorization import authorization, certificates
from harness.report.generator_share import own_part
from harness.report.reading import Reading
from harness.report.relayed import behind_the_balancer
from harness.report.search_words import found_capacity
from harness.report.session_processes import processes
from harness.report.warming_up import warming_up
from harness.run_directory.results import StepResult

WIDTH: Final = 100
FACT_WIDTH: Final = len("Breaking point")
STYLE: Final = {"pass": "bold green", "measured": "bold cyan", "fail": "bold red", "unknown": "bold yellow"}
FAILURES_MOST: Final = 4
FAULTS_MOST: Final = 20
FAULT_WIDTH: Final = 26
FAULT_COLUMNS: Final = ("fault", "calls", "success", "p50 before", "during", "after", "recovered")
MATRIX_TEXT: Final = ("fault", "result", "recovered")
MATRIX_COLUMNS: Final = (
    "fault",
    "result",
    "success",
    "p95\nbefore",
    "\nduring",
    "\nafter",
    "recovered",
    "sessions\nlost",
    "work\nlost",
)
TAKEN_STYLE: Final = {
    "survived": "green",
    "degraded": "yellow",
    "broke": "bold red",
    "not_exposed": "dim",
    "unknown": "dim",
}
COVERAGE_COUNTS: Final = ("calls", "ok", "failed", "refused arguments")
NAME_WIDTH: Final = 46
COVERAGE_MOST: Final = 40
COLUMNS: Final = ("", "users", "requests", "success", "throughput", "p50", "p95", "p99")


def terminal(reading: Reading) -> str:
    """The report as text, in colour on a terminal."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return render(reading, colour=colour)


def render(reading: Reading, *, colour: bool) -> str:
    """The report as text; with `colour`, it holds escape codes."""
    out = Console(
        file=StringIO(),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        width=WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with out.capture() as captured:
        out.print(_head(reading))
        out.print(Padding(_first(reading), (0, 2)))
        if most := wording.commonest_failure(reading.summary):
            out.print(Padding(Text(clean(f"Most common failure: {most}"), style="red"), (0, 2)))
        out.print()
        if reading.matrix:
            out.print(_matrix(reading))
            out.print()
        elif reading.levels:
            out.print(_steps(reading))
            out.print()
        if reading.impacts and not reading.matrix:
            out.print(_faults(reading))
            out.print()
        out.print(Padding(_facts(reading), (0, 2)))
        for table in _coverage(reading):
            out.print()
            out.print(table)
        if coverage.offered(reading.summary):
            out.print()
        # Not wrapped, so that the path can be copied.
        place = "not written" if reading.page is None else str(reading.page)
        out.print(Text.assemble("  ", (f"{'Report':<{FACT_WIDTH}}", "dim"), "   ", place), soft_wrap=True)
    return without_commands("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n")


def _head(reading: Reading) -> Text:
    summary = reading.summary
    parts = [summary.target.url, summary.target.protocol, wording.server(summary)]
    shown = "  ".join(part for part in parts if part)
    return Text.assemble("  ", (clean(summary.scenario or "run"), "bold"), "  ", (clean(shown), "dim"))


def _first(reading: Reading) -> Table:
    """Print first what a run is made for: the verdict, and where the server gives way."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim", no_wrap=True, width=FACT_WIDTH)
    table.add_column(overflow="fold")
    headline, _ = wording.verdict(reading.summary)
    table.add_row("Verdict", Text.assemble(_word(wording.outcome(reading)), f"   {clean(headline)}"))
    for name, words in (
        ("Capacity", found_capacity(reading.summary)),
        ("Breaking point", wording.breaking_point(reading)),
        ("Knee", wording.knee(reading)),
    ):
        if words:
            table.add_row(name, clean(words))
    return table


def _steps(reading: Reading) -> Padding:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in COLUMNS:
        table.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for level in reading.levels:
        broke = breaking_point.is_at(level.result, reading.summary.breaking_point)
        table.add_row(*_cells(level.step.name, level.result), style="red" if broke else "")
    return Padding(table, (0, 2))


def _cells(name: str, step: StepResult) -> list[str]:
    response = step.latency_ms.response
    return [
        clean(f"{name} again" if step.kind == "confirm" else name),
        show(step.users, "count") if step.rate is None else wording.size(step.users, step.rate),
        show(step.requests, "count"),
        show(step.success_rate, "share"),
        show(step.throughput_rps, "per_s"),
        *(show(value, "ms") for value in (response.p50, response.p95, response.p99)),
    ]


def _faults(reading: Reading) -> Padding:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in FAULT_COLUMNS:
        table.add_column(name, justify="left" if name in {"fault", "recovered"} else "right", no_wrap=True)
    for impact in reading.impacts[:FAULTS_MOST]:
        fault = impact.fault
        table.add_row(
            clean(_short(f"{fault.name} ({fault.kind})", fault.name)),
            show(impact.exposure.calls, "count"),
            show(impact.during.success_rate, "share"),
            *(show(one.p50_ms, "ms") for one in (impact.before, impact.during, impact.after)),
            wording.fault_result(impact),
            style="" if impact.recovery.outcome == "recovered" else "yellow",
        )
        for one in phases.shown(impact.operations)[: phases.SHOWN_MOST]:
            table.add_row(
                clean(_short(f"  {one.name}", f"  {one.name}")),
                show(one.during.calls, "count"),
                show(one.during.success_rate, "share"),
                *(show(each.p50_ms, "ms") for each in (one.before, one.during, one.after)),
                wording.operation_recovery(one.found),
                style="dim" if one.found is None or one.found.outcome == "recovered" else "yellow",
            )
    left_out = len(reading.impacts) - FAULTS_MOST
    if left_out > 0:
        table.add_row(f"and {left_out:,} more in summary.json")
    return Padding(table, (0, 2))


def _matrix(reading: Reading) -> Padding:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for name in MATRIX_COLUMNS:
        table.add_column(name, justify="left" if name in MATRIX_TEXT else "right", no_wrap=True)
    for row in reading.matrix:
        one = row.last
        table.add_row(
            clean(row.name),
            Text(wording.TAKEN[row.outcome], style=TAKEN_STYLE[row.outcome]),
            show(one.during.success_rate, "share"),
            *(show(phase.p95_ms, "ms") for phase in (one.before, one.during, one.after)),
            wording.back(row),
            f"{row.sessions_lost:,}",
            wording.work_lost(row),
        )
    return Padding(table, (0, 2))


def _coverage(reading: Reading) -> Iterator[Padding]:
    """Print what was called of all that is offered; then what was left out, and why."""
    rows = coverage.offered(reading.summary)
    called = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    called.add_column("offered and called", max_width=NAME_WIDTH, overflow="fold")
    for name in COVERAGE_COUNTS:
        called.add_column(name, justify="right", no_wrap=True)
    left_out = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    left_out.add_column("offered and left out", max_width=NAME_WIDTH, overflow="fold")
    left_out.add_column("because", overflow="fold")
    for one in rows[:COVERAGE_MOST]:
        name, _kind, *numbers, why = map(clean, coverage.cells(one))
        if one.left_out is None:
            called.add_row(name, *numbers)
        else:
            left_out.add_row(name, why)
    more = len(rows) - COVERAGE_MOST
    (left_out if left_out.row_count else called).add_row(
        f"and {more:,} more in the report"
    ) if more > 0 else None
    for table in (called, left_out):
        if table.row_count:
            yield Padding(table, (0, 2))


def _short(whole: str, name: str) -> str:
    """Shorten a label to the width of the first column."""
    if len(whole) <= FAULT_WIDTH:
        return whole
    return name if len(name) <= FAULT_WIDTH else f"{name[: FAULT_WIDTH - 1]}…"


def _facts(reading: Reading) -> Table:
    summary = reading.summary
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(style="dim", no_wrap=True, width=FACT_WIDTH)
    table.add_column(overflow="fold")
    if words := wording.calls(reading):
        table.add_row("Calls", words)
    counts = [f"{name} {count:,}" for name, count in wording.outcomes(summary)]
    if summary.totals.calls:
        shown = [one.text for one in figures.figures(summary)]
        table.add_row("Whole run", "   ".join(shown[:2]))
        table.add_row("", "   ".join(shown[2:]))
    table.add_row("Outcomes", clean("   ".join(counts)))
    for row in summary.failures[1:FAILURES_MOST]:  # the first stands at the top
        table.add_row("", Text(clean(f"{row.count:,} {row.outcome}: {row.detail}"), style="dim"))
    for name, text in _findings(reading):
        if text:
            table.add_row(name, clean(text))
    if reading.objectives:
        table.add_row("Objectives", _objectives(reading))
    headline, more = wording.verdict(summary)
    table.add_row("Verdict", Text.assemble(_word(wording.outcome(reading)), f"   {clean(headline)}"))
    for reason in more:
        table.add_row("", clean(reason))
    return table


def _findings(reading: Reading) -> Iterator[tuple[str, str]]:
    """The findings of this run, each with its title."""
    yield "Protocol", wording.protocol(reading.summary)
    yield "INSECURE", certificates(reading.summary)
    yield "Authorization", authorization(reading.summary)
    yield "Processes", processes(reading.summary, reading.events)
    yield "Balancer", behind_the_balancer(reading.summary)
    yield "Coverage", coverage.sentence(reading.summary)
    yield "Careful", figures.warnings(reading)
    yield "Warm-up", warming_up([level.warming for level in reading.levels])
    rude = [(impact.fault.name, did) for impact in reading.impacts if (did := wording.fault_did(impact))]
    for index, (name, did) in enumerate(rude[:FAULTS_MOST]):
        yield "" if index else "Rude", f"{name}: {did}"
    for impact in reading.impacts[:FAULTS_MOST]:
        if exact := wording.resolution(impact.recovery):
            yield "Recovery", f"{impact.fault.name}: {wording.recovery(impact)[0]}, {exact}"
    yield "Retries", wording.retries(reading)
    for impact in reading.impacts[:FAULTS_MOST] if not reading.matrix else ():  # its table tells of sessions
        if words := "; ".join(filter(None, (wording.fate(impact), wording.storm(impact)))):
            yield "Sessions", f"{impact.fault.name}: {words}"
    yield "Work", wording.work(reading)
    yield "Generator", own_part(reading.summary)
    yield "Parts", parts.replaced(reading.events)
    yield "Strangers", refused_workers.told(reading.events)
    yield from wording.resilience(reading)


def _objectives(reading: Reading) -> Table:
    """Print the objectives one below the other, so that they can be compared."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for one in reading.objectives:
        table.add_row(clean(one.seen.objective.text), one.seen.seen, Text.assemble(_word(one.outcome)))
    return table


def _word(outcome: str) -> tuple[str, str]:
    return outcome.upper(), STYLE[outcome]
