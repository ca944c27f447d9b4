"""The tables of the page: objectives, levels of load, operations, failures, the generator's own health."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import asdict

from harness.analysis.health import lost_parts, refused_workers, saturation
from harness.analysis.levels import breaking_point
from harness.analysis.objectives.observation import Observation
from harness.analysis.statistics.rounding import BLANK, show
from harness.report import wording
from harness.report.markup import Html, Node, el
from harness.report.pictures import figure
from harness.report.pieces import MARK, section, table
from harness.report.reading import Reading
from harness.run_directory.results import StepResult

QUANTILES: Final = ("p50", "p95", "p99")
STEPS_MOST: Final = 200
INTERVALS_MOST: Final = 60


def objectives(reading: Reading) -> Html | None:
    if not reading.objectives:
        return None
    body: list[list[Node]] = [
        [
            _badge(one.outcome),
            el("code", one.seen.objective.text),
            el("span", _observed(one.seen), cls="long"),
            wording.margin(one.seen),
        ]
        for one in reading.objectives
    ]
    columns = ("Outcome", "Objective", "Observed", "Margin")
    return section("Objectives", None, table(columns, body, text=(0, 1, 2, 3)))


def _observed(seen: Observation) -> str:
    why = seen.undecided or seen.why
    return f"{seen.seen} ({why})" if why else seen.seen


def levels(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    if not reading.levels:
        return None
    breaking = reading.summary.breaking_point
    body, classes = [], []
    for level in reading.levels[:STEPS_MOST]:
        classes.append("broke" if breaking_point.is_at(level.result, breaking) else "")
        body.append(_step_cells(level.step.name, level.result))
    columns = ("Step", "Users", "From", "Calls", "Failed", "Success", "Throughput", *QUANTILES)
    left_out = len(reading.levels) - len(body)
    return section(
        "By level of load",
        "Each level is measured once all its users run and a settling time has passed"
        f"{', and outside of faults' if reading.impacts else ''}. Percentiles are of response time.",
        el(
            "div",
            figure("throughput-by-users", drawn, reading),
            figure("percentiles-by-users", drawn, reading),
            cls="pair",
        ),
        table(columns, body, classes=classes),
        el("p", f"{left_out:,} more levels are in summary.json.", cls="note") if left_out else None,
        _capacity(reading),
    )


def intervals(reading: Reading) -> Html | None:
    rows = reading.intervals.astype(object).where(reading.intervals.notna(), None).to_dict("records")
    if len(rows) < 2:
        return None
    body: list[list[Node]] = [
        [
            row["name"],
            show(row["start_s"], "s"),
            show(row["end_s"], "s"),
            show(row["requests"], "count"),
            show(row["failed"], "count"),
            show(row["success_rate"], "share"),
            show(row["throughput_rps"], "per_s"),
            *(show(row[f"{name}_ms"], "ms") for name in QUANTILES),
        ]
        for row in rows[:INTERVALS_MOST]
    ]
    columns = ("Step", "From", "To", "Calls", "Failed", "Success", "Throughput", *QUANTILES)
    left_out = len(rows) - len(body)
    return section(
        "By interval",
        "The same figures for each interval of a step that was held: a drift shows from row to row.",
        table(columns, body),
        el("p", f"{left_out:,} more intervals are in intervals.csv.", cls="note") if left_out else None,
    )


def _step_cells(name: str, step: StepResult) -> list[Node]:
    response = step.latency_ms.response
    return [
        f"{name}, repeated" if step.kind == "confirm" else name,
        show(step.users, "count") if step.rate is None else wording.size(step.users, step.rate),
        show(step.start_s, "s"),
        show(step.requests, "count"),
        show(step.failed, "count"),
        show(step.success_rate, "share"),
        show(step.throughput_rps, "per_s"),
        *(show(response.at(name), "ms") for name in QUANTILES),
    ]


def _capacity(reading: Reading) -> Html | None:
    words = wording.capacity(reading)
    return el("p", words, cls="note") if words else None


def operations(reading: Reading) -> Html | None:
    rows = reading.summary.operations
    if not rows:
        return None
    body: list[list[Node]] = []
    for row in rows:
        response, service = row.latency_ms.response, row.latency_ms.service
        body.append(
            [
                el("code", row.operation),
                row.user_class,
                show(row.requests, "count"),
                show(row.failed, "count"),
                show(row.success_rate, "share"),
                show(row.throughput_rps, "per_s"),
                *(show(response.at(name), "ms") for name in QUANTILES),
                show(response.max, "ms"),
                show(service.p95, "ms"),
            ]
        )
    columns = (
        "Operation",
        "Users",
        "Calls",
        "Failed",
        "Success",
        "Throughput",
        *QUANTILES,
        "Max",
        "Service p95",
    )
    return section("Operations", None, table(columns, body, text=(0, 1)))


def failures(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html:
    rows = reading.summary.failures
    if not rows:
        return section("Failures", None, el("p", "No call failed.", cls="note"))
    body: list[list[Node]] = [
        [
            el("code", row.outcome),
            el("span", row.detail or BLANK, cls="long"),
            show(row.count, "count"),
            show(row.first_s, "s"),
            show(row.last_s, "s"),
        ]
        for row in rows
    ]
    return section(
        "Failures",
        "First and last seen are seconds since the start of the run.",
        figure("outcomes", drawn, reading),
        table(("Outcome", "Detail", "Calls", "First seen", "Last seen"), body, text=(0, 1)),
    )


def sessions(reading: Reading) -> Html | None:
    """A table of what happened to the sessions; None for a protocol without sessions."""
    counts = reading.summary.sessions
    if not counts.opened and not counts.lost:
        return None
    survived = {True: "yes", False: "no", None: BLANK}[counts.survived_restart]
    row: list[Node] = [f"{count:,}" for count in (counts.opened, counts.lost, counts.reopened)]
    faults = [
        [impact.fault.name, wording.fate(impact) or BLANK, wording.storm(impact) or "as before"]
        for impact in reading.impacts
        if impact.fate is not None
    ]
    return section(
        "Sessions",
        "Lost: calls whose session the server no longer knew. Opened again: sessions of users who had opened one before.",
        table(
            ("Opened", "Lost", "Opened again", "Survived a restart"), [[*row, survived]], text=(0, 1, 2, 3)
        ),
        table(("Fault", "Sessions open when it began", "Reopened afterwards"), faults, text=(0, 1, 2))
        if faults
        else None,
    )


def generator(reading: Reading) -> Html:
    health = reading.summary.generator
    response = reading.summary.latency_ms.response
    limit = f"{saturation.OWN_SHARE:.0%}, or {show(saturation.OWN_MS, 'ms')}"
    body: list[list[Node]] = [
        [
            f"Added to {name} of the measured part",
            show(own_ms, "ms"),
            limit,
            _is_small(own_ms, figure_ms),
        ]
        for name, own_ms in asdict(health.added_ms).items()
        if (figure_ms := response.at(name)) is not None
    ]
    gauges = (
        ("CPU of the busiest worker in its busiest second, share of a core", health.cpu_max, "share"),
        ("Longest wait for a processor within one second", health.run_delay_max, "share"),
        ("Scheduling lag, p99", health.lag_ms_p99, "ms"),
    )
    body += [[label, show(value, unit), BLANK, ""] for label, value, unit in gauges]
    clock_ms, most_ms = health.clock_error_ms, saturation.CLOCK_ERROR_MS_MAX
    body.append(
        ["Clock error between workers", show(clock_ms, "ms"), show(most_ms, "ms"), _within(clock_ms, most_ms)]
    )
    lost = health.lost
    at_least = "at least " if health.lost_at_least else ""
    body.append(["Calls without a row", f"{at_least}{show(lost, 'count')}", "0", _within(lost, 0)])
    again = f" Meanwhile {words}." if (words := lost_parts.replaced(reading.events)) else ""
    refused = f" Refused: {words}." if (words := refused_workers.told(reading.events)) else ""
    workers = health.workers
    read_ms = saturation.read_ms_p99(reading.events)
    delayed = (
        ""
        if read_ms is None
        else f" Replies waited {show(read_ms, 'ms')} (p99) inside the generator before their user read them; response times leave that out."
    )
    return section(
        "The load generator itself",
        "If the load generator is the bottleneck, the run measures the generator and not the server. So the time that it "
        "added to response times is measured. Where that is more than a tenth of a figure, and more than a millisecond, "
        "the verdict is unknown. The worst seconds are for information.",
        table(("What", "Seen", "Limit", ""), body, text=(0, 3)),
        el(
            "p",
            f"{workers} worker{'s' if workers != 1 else ''}, {show(health.started, 'count')} calls started.{delayed}{again}{refused}",
            cls="note",
        )
        if workers
        else None,
    )


def _is_small(own_ms: float | None, figure_ms: float) -> Html:
    return _within(own_ms, max(saturation.OWN_MS, saturation.OWN_SHARE * figure_ms))


def _within(value: float | None, limit: float) -> Html:
    if value is None:
        return el("span", "? not reported", cls="badge unknown")
    inside = value <= limit
    return el("span", "✓ within" if inside else "✕ beyond", cls=f"badge {'pass' if inside else 'fail'}")


def _badge(outcome: str) -> Html:
    return el("span", f"{MARK[outcome]} {wording.WORDS[outcome].lower()}", cls=f"badge {outcome}")
