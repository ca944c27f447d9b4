"""The report as Markdown, for the summary of a CI job or a comment on a change: the verdict and what it rests on.

It is short for every run. Text from a server cannot break out of its table cell.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.analysis.faults import phases
from harness.analysis.statistics.rounding import BLANK, show
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable as clean
from harness.report import coverage, figures, wording
from harness.report.authorization import authorization, certificates
from harness.report.generator_share import own_part
from harness.report.reading import Reading
from harness.report.search_words import found_capacity
from harness.report.warming_up import warming_up
from harness.run_directory.results import Summary
from harness.scenario.inapplicable import rows_and_why

MARK = {"pass": "✅", "measured": "📏", "fail": "❌", "unknown": "❓"}
TAKEN_MARK = {"survived": "🟢", "degraded": "🟡", "broke": "🔴", "not_exposed": "⚪", "unknown": "❓"}
QUANTILES = ("p50", "p95", "p99")
STEPS_MOST = 30
FAILURES_MOST = 10
FAULTS_MOST = 20
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def markdown(reading: Reading) -> str:
    """The whole report as Markdown."""
    summary = reading.summary
    headline, more = wording.verdict(summary)
    outcome, most = wording.outcome(reading), wording.commonest_failure(summary)
    target = summary.target
    about = [target.url, wording.server(summary), target.protocol, wording.moment(summary)]
    parts = [
        f"## {MARK[outcome]} {cell(summary.scenario or 'run')}: {wording.WORDS[outcome].lower()}",
        f"{cell(headline)}" + "".join(f"\n- {cell(reason)}" for reason in more),
        f"Most common failure: {cell(most)}" if most else "",
        " · ".join(cell(part) for part in about if part),
        _totals(summary),
        _objectives(reading),
        *_matrix(reading),
        "" if reading.matrix else _steps(reading),
        *(f"{cell(lead)}{cell(words)}." for lead, words in _findings(reading) if words),
        "" if reading.matrix else _faults(reading),
        _failures(summary),
        _coverage(summary),
        "" if reading.page is None else f"Report: `{clean(str(reading.page)).replace('`', '')}`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def publish(text: str, environ: Mapping[str, str]) -> None:
    """Append the text to the summary page of the CI job; do nothing outside of CI."""
    path = environ.get(STEP_SUMMARY)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{hide(text)}\n")


def _findings(reading: Reading) -> list[tuple[str, str]]:
    return [
        ("Calls: ", wording.calls(reading)),
        ("Coverage: ", coverage.sentence(reading.summary)),
        ("INSECURE: ", certificates(reading.summary)),
        ("Authorization: ", authorization(reading.summary)),
        ("Careful: ", figures.warnings(reading)),
        ("Warm-up: ", warming_up([level.warming for level in reading.levels])),
        ("Capacity: ", found_capacity(reading.summary)),
        ("Breaking point: ", wording.breaking_point(reading)),
        ("Knee: ", wording.knee(reading)),
        ("Retries: ", wording.retries(reading)),
        ("Work: ", wording.work(reading)),
        ("Generator: ", own_part(reading.summary)),
    ]


def _totals(summary: Summary) -> str:
    totals, response = summary.totals, summary.latency_ms.response
    heads = ("Calls", "Failed", "Success", "Throughput", *QUANTILES)
    row = [
        show(totals.calls, "count"),
        show(totals.failed, "count"),
        show(totals.success_rate, "share"),
        show(totals.throughput_rps, "per_s"),
        *(show(response.at(name), "ms") for name in QUANTILES),
    ]
    between = [one.interval for one in figures.figures(summary)]
    return table(heads, [row, ["95% interval", "", *between]] if any(between) else [row])


def _objectives(reading: Reading) -> str:
    rows = [
        [
            MARK[one.outcome],
            _code(one.seen.objective.text),
            one.seen.seen + (f" ({cell(one.seen.why)})" if one.seen.why else ""),
            wording.margin(one.seen),
        ]
        for one in reading.objectives
    ]
    return table(("", "Objective", "Observed", "Margin"), rows)


def _steps(reading: Reading) -> str:
    rows = []
    for level in reading.levels[:STEPS_MOST]:
        name, step = level.step.name, level.result
        response = step.latency_ms.response
        rows.append(
            [
                cell(f"{name}, repeated" if step.kind == "confirm" else name),
                BLANK if step.users is None else str(step.users),
                show(step.success_rate, "share"),
                show(step.throughput_rps, "per_s"),
                *(show(response.at(quantile), "ms") for quantile in QUANTILES),
            ]
        )
    left = len(reading.levels) - len(rows)
    more = f"\n\n{left:,} more levels are in summary.json." if left > 0 else ""
    return table(("Step", "Users", "Success", "Throughput", *QUANTILES), rows) + more


def _matrix(reading: Reading) -> list[str]:
    """The matrix: one word for each fault, and the weaknesses by name."""
    rows = [
        [
            cell(row.name),
            f"{TAKEN_MARK[row.outcome]} {row.outcome.replace('_', ' ')}"
            + (f": {cell(row.why)}" if row.why else ""),
            show(row.last.during.success_rate, "share"),
            *(show(one.p95_ms, "ms") for one in (row.last.before, row.last.during, row.last.after)),
            wording.back(row),
            f"{row.sessions_lost:,}",
            wording.work_lost(row),
        ]
        for row in reading.matrix
    ]
    heads = (
        "Fault",
        "Result",
        "Success",
        "p95 before",
        "during",
        "after",
        "Recovered",
        "Sessions lost",
        "Work lost",
    )
    weak = reading.summary.matrix.weaknesses if reading.summary.matrix else ()
    named = "\n".join(f"- **{cell(one.name)}**: {cell(one.seen)}" for one in weak)
    beyond = reading.summary.matrix.not_applicable if reading.summary.matrix else ()
    left_out = "\n".join(f"- Not applicable: {cell(rows_and_why(one.rows, one.why))}" for one in beyond)
    return [wording.matrix_count(reading.matrix) if rows else "", table(heads, rows), named, left_out]


def _faults(reading: Reading) -> str:
    rows = []
    for impact in reading.impacts[:FAULTS_MOST]:
        exact = wording.resolution(impact.recovery)
        rows.append(
            [
                cell(impact.fault.name),
                show(impact.exposure.calls, "count"),
                show(impact.during.success_rate, "share"),
                *(show(one.p50_ms, "ms") for one in (impact.before, impact.during, impact.after)),
                cell(wording.fault_result(impact) + (f" ({exact})" if exact else "")),
            ]
        )
        rows += [
            [
                f"\N{EN DASH} {cell(one.name)}",
                show(one.during.calls, "count"),
                show(one.during.success_rate, "share"),
                *(show(each.p50_ms, "ms") for each in (one.before, one.during, one.after)),
                wording.operation_recovery(one.found),
            ]
            for one in phases.shown(impact.operations)[: phases.SHOWN_MOST]
        ]
    return table(("Fault", "Calls", "Success", "p50 before", "during", "after", "Recovered"), rows)


def _failures(summary: Summary) -> str:
    rows = [
        [
            _code(row.outcome),
            cell(row.detail),
            show(row.count, "count"),
            show(row.first_s, "s"),
            show(row.last_s, "s"),
        ]
        for row in summary.failures[:FAILURES_MOST]
    ]
    return table(("Outcome", "Detail", "Calls", "First seen", "Last seen"), rows)


def _coverage(summary: Summary) -> str:
    rows = coverage.offered(summary)
    shown = [[_code(name), *map(cell, rest)] for name, *rest in map(coverage.cells, rows[:STEPS_MOST])]
    more = f"\n\n{len(rows) - len(shown):,} more are in summary.json." if len(rows) > len(shown) else ""
    return table(coverage.COLUMNS, shown) + more


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: Any) -> str:
    """A text for a table cell: Markdown and HTML markup is escaped, and line breaks are removed."""
    return re.sub(r"([\\`*_{}\[\]()<>#|~!@&])", r"\\\1", clean(str(text)))


def _code(text: str) -> str:
    """A text as inline code in a cell."""
    return f"`{clean(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"
