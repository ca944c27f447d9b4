"""The report as one self-contained HTML file: no network, no script, light and dark, for screen, phone and print.

The page goes from the verdict down to the evidence: findings, objectives, the run itself, then the charts,
the tables and the generator's own health. Everything that came from a server is escaped (`markup.el`).
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.levels import capacity
from harness.analysis.statistics.rounding import show
from harness.foundation.units import show_bytes, show_duration
from harness.report import tables, wording
from harness.report.authorization import authorization, certificates
from harness.report.charts import CHARTS, renditions
from harness.report.coverage import coverage
from harness.report.coverage import sentence as covered
from harness.report.experiment_table import experiment
from harness.report.fault_table import faults
from harness.report.figures import figures, warnings
from harness.report.generator_share import own_part
from harness.report.load_charts import distribution_data
from harness.report.markup import Html, el
from harness.report.matrix_table import matrix
from harness.report.page import document
from harness.report.panels import panels
from harness.report.pictures import figure, picture
from harness.report.pieces import MARK, section, table
from harness.report.reading import Reading
from harness.report.relayed import behind_the_balancer
from harness.report.search_table import searched
from harness.report.search_words import found_capacity
from harness.report.session_processes import processes
from harness.report.warming_up import warming_up


def html(reading: Reading) -> str:
    """The whole page."""
    return page(reading, {name: renditions(name, reading) for name in CHARTS})


def page(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> str:
    """The whole page, with charts that have been drawn already."""
    title = f"{reading.summary.scenario or 'Run'} · {wording.WORDS[wording.outcome(reading)].lower()}"
    return document(
        title,
        _header(reading),
        tables.objectives(reading),
        matrix(reading),
        searched(reading, drawn),
        _time(reading, drawn),
        tables.levels(reading, drawn),
        tables.intervals(reading),
        _distribution(reading, drawn),
        faults(reading),
        experiment(reading),
        tables.failures(reading, drawn),
        tables.operations(reading),
        coverage(reading),
        panels(reading),
        tables.sessions(reading),
        tables.generator(reading),
        _ran(reading),
        _reading_the_numbers(),
    )


def _header(reading: Reading) -> Html:
    summary = reading.summary
    target = summary.target
    what = [
        summary.command if summary.command != summary.scenario else None,
        target.url,
        wording.server(summary),
        target.protocol,
        wording.moment(summary),
    ]
    return el(
        "header",
        el("h1", summary.scenario or "Run"),
        el("p", "  ·  ".join(str(part) for part in what if part), cls="sub"),
        _verdict(reading),
        el("dl", *(_tile(*figure) for figure in _key_figures(reading)), cls="tiles"),
        *_findings(reading),
        _again(reading),
    )


def _verdict(reading: Reading) -> Html:
    verdict = wording.outcome(reading)
    headline, more = wording.verdict(reading.summary)
    most = wording.commonest_failure(reading.summary)
    return el(
        "div",
        el(
            "p",
            el("strong", el("span", MARK[verdict], cls="mark", aria_hidden="true"), wording.WORDS[verdict]),
            el("span", headline),
        ),
        el("ul", *(el("li", reason) for reason in more)) if more else None,
        el("p", el("strong", "Most common failure "), most, cls="commonest") if most else None,
        cls=f"verdict {verdict}",
    )


def _key_figures(reading: Reading) -> list[tuple[str, str, str]]:
    """The key figures: label, value, 95 % interval."""
    summary = reading.summary
    peak = capacity.highest(summary.steps)
    success, throughput, *percentiles = ((one.name, one.value, one.interval) for one in figures(summary))
    tiles = [
        ("Calls", show(summary.totals.calls, "count"), ""),
        ("Success", *success[1:]),
        ("Throughput", *throughput[1:]),
        *((f"Response {name}", value, interval) for name, value, interval in percentiles),
    ]
    if peak:
        tiles.insert(3, ("Peak", f"{show(peak.rps, 'per_s')} at {peak.users} users", ""))
    return tiles


def _tile(label: str, value: str, interval: str) -> Html:
    between = el("dd", f"{interval}", cls="interval", title="95 % interval") if interval else None
    return el("div", el("dt", label), el("dd", value), between)


def _findings(reading: Reading) -> list[Html]:
    """The findings: breaking point, knee, warm-up, retries and the like."""
    terms = [
        ("Calls: ", wording.calls(reading)),
        ("Coverage: ", covered(reading.summary)),
        ("Careful: ", warnings(reading)),
        ("Capacity: ", found_capacity(reading.summary)),
        ("Breaking point: ", wording.breaking_point(reading)),
        ("Knee: ", wording.knee(reading)),
        ("Warm-up: ", warming_up([level.warming for level in reading.levels])),
        ("Retries: ", wording.retries(reading)),
        ("Work: ", wording.work(reading)),
        ("Of the response times: ", own_part(reading.summary)),
    ]
    return [el("p", el("strong", lead), f"{words}.", cls="finding") for lead, words in terms if words]


def _again(reading: Reading) -> Html | None:
    argv = reading.metadata.get("argv") or []
    if not argv:
        return None
    return el(
        "div",
        el("span", "Run it again", cls="label"),
        el("code", shlex.join(str(word) for word in argv)),
        cls="again",
    )


def _time(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    figures = [figure(name, drawn, reading) for name in ("throughput", "percentiles", "heat")]
    return section("Over time", None, *figures) if any(figures) else None


def _distribution(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    """The latency curve, and beside it the percentiles that people quote."""
    data = distribution_data(reading)
    if data is None or not drawn.get("distribution"):
        return None
    chart = CHARTS["distribution"]
    return section(
        "Distribution of latency",
        chart.hint,
        el(
            "div",
            picture("distribution", drawn),
            table(data.columns, data.rows),
            cls="pair",
        ),
    )


def _ran(reading: Reading) -> Html:
    summary, meta = reading.summary, reading.metadata
    target, totals = summary.target, summary.totals
    machine, versions = meta.get("machine") or {}, meta.get("versions") or {}
    facts: list[tuple[str, Any]] = [
        ("Target", target.url),
        ("Server", wording.server(summary)),
        ("Protocol", " over ".join(str(part) for part in (target.protocol, target.transport) if part)),
        ("Started", wording.moment(summary)),
        ("Duration", show_duration(round(summary.duration_s))),
        ("Time-out", show_duration(summary.timeout_s) if summary.timeout_s else None),
        ("Calls per connection", reading.plan.get("calls_per_connection")),
        ("Seed", summary.seed),
        ("Protocol", wording.protocol(summary)),
        ("INSECURE", certificates(summary)),
        ("Authorization", authorization(summary)),
        ("Processes", processes(summary, reading.events)),
        ("Balancer", behind_the_balancer(summary)),
        ("Fast lane", meta.get("fast_lane")),
        ("Bytes", f"{show_bytes(totals.bytes_out)} sent, {show_bytes(totals.bytes_in)} received"),
        ("Target's CPU", show(target.cpu_max, "share") if target.cpu_max is not None else None),
        ("Target's memory", f"{target.rss_max_mb:.0f} MB" if target.rss_max_mb is not None else None),
        (
            "Machine",
            ", ".join(
                str(part) for part in (machine.get("cpu"), _cores(machine), machine.get("platform")) if part
            ),
        ),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions.items())),
        ("Run", summary.run_id),
    ]
    return section(
        "What ran",
        None,
        el(
            "dl",
            *(
                el("div", el("dt", key), el("dd", str(value)))
                for key, value in facts
                if value not in {None, ""}
            ),
            cls="facts",
        ),
    )


def _cores(machine: Mapping[str, Any]) -> str | None:
    cores = machine.get("cores")
    return f"{cores} cores" if cores else None


def _reading_the_numbers() -> Html:
    terms = (
        (
            "Response time",
            "from the moment the call was to start until its answer was complete; of ok calls.",
        ),
        ("Service time", "the same, from the moment it was sent."),
        (
            "Small figures below",
            (
                "the 95 % interval: where the figure lies when the run is made again on the same day. Wider where calls "
                "were slow, or failed, together."
            ),
        ),
        ("p95", "95 of 100 calls were at least as fast. Shown only when at least ten calls were slower."),
        ("Success", "ok calls among those that succeeded or failed."),
        ("Throughput", "ok calls a second, by the time of their completion."),
        (
            "Users",
            "closed load: each waits for its answer before the next call, so the offered load follows the server.",
        ),
    )
    return section(
        "How to read the numbers", None, el("dl", *(_term(*term) for term in terms), cls="facts terms")
    )


def _term(name: str, meaning: str) -> Html:
    return el("div", el("dt", name), el("dd", meaning))
