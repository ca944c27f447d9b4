"""The report as one self-contained HTML file: no network, no script, light and dark, for screen, phone and print.

From the verdict down to the evidence: what was found, what was asked, what ran, then the curves, the tables
and the generator's own health. Everything that came from a server is escaped (`markup.el`).
"""

import shlex
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from harness.analysis.observed import Observation
from harness.analysis.rounding import BLANK, show
from harness.analysis.saturation import LIMITS
from harness.report import svg, wording
from harness.report.charts import CHARTS, renditions
from harness.report.markup import Html, Node, el, join
from harness.report.reading import Reading
from harness.units import show_bytes, show_duration

MARK: Final = {"pass": "✓", "fail": "✕", "unknown": "?"}
QUANTILES: Final = ("p50", "p95", "p99")
STEPS_MOST: Final = 200


def html(reading: Reading) -> str:
    """The whole page."""
    return page(reading, {name: renditions(name, reading) for name in CHARTS})


def page(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> str:
    """The whole page, with charts that were drawn already."""
    title = f"{reading.summary['scenario'] or 'Run'} · {wording.WORDS[reading.summary['verdict']].lower()}"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Html(_css())),
    )
    body = el(
        "body",
        el(
            "main",
            _header(reading),
            _objectives(reading),
            _levels(reading, drawn),
            _time(drawn),
            _operations(reading),
            _failures(reading),
            _generator(reading),
            _ran(reading),
            _reading_the_numbers(),
        ),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en').text}\n"


def _css() -> str:
    themes = (
        f":root{{color-scheme:light dark;{svg.variables(1)}--font:{svg.FONT}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{svg.variables(2)}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{svg.variables(1)}}}}}\n"
    )
    return themes + files("harness.report").joinpath("page.css").read_text(encoding="utf-8")


def _header(reading: Reading) -> Html:
    summary = reading.summary
    target = summary["target"]
    what = [
        summary["command"] if summary["command"] != summary["scenario"] else None,
        target["url"],
        wording.server(summary),
        target["protocol"],
        wording.moment(summary),
    ]
    return el(
        "header",
        el("h1", str(summary["scenario"] or "Run")),
        el("p", "  ·  ".join(str(part) for part in what if part), cls="sub"),
        _verdict(summary),
        el("dl", *(_tile(label, value) for label, value in _key_figures(reading)), cls="tiles"),
        _breaking_point(reading),
    )


def _verdict(summary: dict[str, Any]) -> Html:
    verdict = summary["verdict"]
    headline, more = wording.verdict(summary)
    return el(
        "div",
        el(
            "p",
            el("strong", el("span", MARK[verdict], cls="mark", aria_hidden="true"), wording.WORDS[verdict]),
            el("span", headline),
        ),
        el("ul", *(el("li", reason) for reason in more)) if more else None,
        cls=f"verdict {verdict}",
    )


def _key_figures(reading: Reading) -> list[tuple[str, str]]:
    summary = reading.summary
    totals, response = summary["totals"], summary["latency_ms"]["response"]
    peak = summary["capacity"]
    figures = [
        ("Calls", show(totals["requests"], "count")),
        ("Success", show(totals["success_rate"], "share")),
        ("Throughput", show(totals["throughput_rps"], "per_s")),
        *((f"Response {name}", show(response[name], "ms")) for name in QUANTILES),
    ]
    if peak:
        figures.insert(3, ("Peak", f"{show(peak['peak_rps'], 'per_s')} at {peak['peak_users']} users"))
    return figures


def _tile(label: str, value: str) -> Html:
    return el("div", el("dt", label), el("dd", value))


def _breaking_point(reading: Reading) -> Html | None:
    words = wording.breaking_point(reading)
    if not words:
        return None
    found = bool(reading.summary["breaking_point"])
    lead = "Breaking point: " if found else ""
    text = words if found else f"{words[:1].upper()}{words[1:]}"
    return el("p", el("strong", lead) if lead else None, f"{text}.", cls="finding")


def _objectives(reading: Reading) -> Html | None:
    rows = reading.summary["objectives"]
    if not rows:
        return None
    body: list[list[Node]] = [
        [
            _badge(row["outcome"]),
            el("code", row["objective"]),
            el("span", _observed(seen), cls="long"),
        ]
        for seen, row in zip(reading.observations, rows, strict=True)
    ]
    return _section("Objectives", None, _table(("Outcome", "Objective", "Observed"), body, text=(0, 1, 2)))


def _observed(seen: Observation) -> str:
    shown = show(seen.value, seen.objective.unit)
    return f"{shown} ({seen.why})" if seen.why else shown


def _badge(outcome: str) -> Html:
    return el("span", f"{MARK[outcome]} {wording.WORDS[outcome].lower()}", cls=f"badge {outcome}")


def _levels(reading: Reading, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    rows = reading.summary["steps"]
    if not rows:
        return None
    breaking = reading.summary["breaking_point"]
    body, classes = [], []
    for step, row in list(zip(reading.steps, rows, strict=True))[:STEPS_MOST]:
        broke = bool(breaking) and row["users"] == breaking["users"] and row["kind"] != "sustain"
        classes.append("broke" if broke else "")
        body.append(_step_cells(step.name, row))
    columns = ("Step", "Users", "From", "Calls", "Failed", "Success", "Throughput", *QUANTILES)
    left_out = len(rows) - len(body)
    return _section(
        "By level of load",
        "Each level is measured after its users all run and have settled. Percentiles are of response time.",
        el("div", _figure("throughput-by-users", drawn), _figure("percentiles-by-users", drawn), cls="pair"),
        _table(columns, body, classes=classes),
        el("p", f"{left_out:,} more levels are in summary.json.", cls="note") if left_out else None,
        _capacity(reading),
    )


def _step_cells(name: str, row: dict[str, Any]) -> list[Node]:
    response = row["latency_ms"]["response"]
    return [
        f"{name}, repeated" if row["kind"] == "confirm" else name,
        show(row["users"], "count"),
        show(row["start_s"], "s"),
        show(row["requests"], "count"),
        show(row["failed"], "count"),
        show(row["success_rate"], "share"),
        show(row["throughput_rps"], "per_s"),
        *(show(response[key], "ms") for key in QUANTILES),
    ]


def _capacity(reading: Reading) -> Html | None:
    summary = reading.summary
    if not summary["capacity"]:
        return None
    whose = "this machine, target and generator together" if _shared(reading) else "the target"
    peak = f"{show(summary['capacity']['peak_rps'], 'per_s')} at {summary['capacity']['peak_users']} users"
    return el("p", f"Highest throughput of {whose}: {peak} ({summary['capacity_reason']}).", cls="note")


def _shared(reading: Reading) -> bool:
    """Whether the generator and the target live on one machine."""
    target = reading.metadata.get("target") or {}
    url = str(target.get("url") or "")
    return bool(target.get("managed")) or any(host in url for host in ("//127.", "//localhost", "//[::1]"))


def _time(drawn: Mapping[str, Sequence[str]]) -> Html | None:
    figures = [_figure("throughput", drawn), _figure("percentiles", drawn)]
    return _section("Over time", None, *figures) if any(figures) else None


def _figure(name: str, drawn: Mapping[str, Sequence[str]]) -> Html | None:
    pictures = drawn.get(name) or ()
    if not pictures:
        return None
    kinds = ("wide", "narrow") if len(pictures) > 1 else ("",)
    return el(
        "figure",
        el("figcaption", CHARTS[name].title),
        *(el("div", Html(picture), cls=kind) for kind, picture in zip(kinds, pictures, strict=True)),
    )


def _operations(reading: Reading) -> Html | None:
    rows = reading.summary["operations"]
    if not rows:
        return None
    body: list[list[Node]] = []
    for row in rows:
        response, service = row["latency_ms"]["response"], row["latency_ms"]["service"]
        body.append(
            [
                el("code", row["operation"]),
                row["user_class"],
                show(row["requests"], "count"),
                show(row["failed"], "count"),
                show(row["success_rate"], "share"),
                show(row["throughput_rps"], "per_s"),
                *(show(response[name], "ms") for name in QUANTILES),
                show(response["max"], "ms"),
                show(service["p95"], "ms"),
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
    return _section("Operations", None, _table(columns, body, text=(0, 1)))


def _failures(reading: Reading) -> Html:
    rows = reading.summary["failures"]
    if not rows:
        return _section("Failures", None, el("p", "No call failed.", cls="note"))
    body: list[list[Node]] = [
        [
            el("code", row["outcome"]),
            el("span", row["detail"] or BLANK, cls="long"),
            show(row["count"], "count"),
            show(row["first_s"], "s"),
            show(row["last_s"], "s"),
        ]
        for row in rows
    ]
    return _section(
        "Failures",
        "First and last seen are seconds since the start of the run.",
        _table(("Outcome", "Detail", "Calls", "First seen", "Last seen"), body, text=(0, 1)),
    )


def _generator(reading: Reading) -> Html:
    health = reading.summary["generator"]
    limits: tuple[tuple[str, str, str], ...] = (
        ("Busiest worker, share of a core", "cpu_max", "share"),
        ("Waiting for a processor", "run_delay_max", "share"),
        ("Scheduling lag, p99", "lag_ms_p99", "ms"),
        ("Clock error between workers", "clock_error_ms", "ms"),
    )
    body: list[list[Node]] = [
        [label, show(health[key], unit), show(LIMITS[key], unit), _within(health[key], LIMITS[key])]
        for label, key, unit in limits
    ]
    lost = health["lost"]
    body.append(["Calls without a row", show(lost, "count"), "0", _within(lost, 0)])
    workers = health["workers"]
    return _section(
        "The load generator itself",
        "A generator that is the bottleneck measures itself. Beyond a limit, the verdict is unknown.",
        _table(("What", "Worst seen", "Limit", ""), body, text=(0, 3)),
        el(
            "p",
            f"{workers} worker{'s' if workers != 1 else ''}, {show(health['started'], 'count')} calls started.",
            cls="note",
        )
        if workers
        else None,
    )


def _within(value: float | None, limit: float) -> Html:
    if value is None:
        return el("span", "? not reported", cls="badge unknown")
    inside = value <= limit
    return el("span", "✓ within" if inside else "✕ beyond", cls=f"badge {'pass' if inside else 'fail'}")


def _ran(reading: Reading) -> Html:
    summary, meta = reading.summary, reading.metadata
    target, totals = summary["target"], summary["totals"]
    machine, versions = meta.get("machine") or {}, meta.get("versions") or {}
    facts: list[tuple[str, Any]] = [
        ("Target", target["url"]),
        ("Server", wording.server(summary)),
        ("Protocol", " over ".join(str(part) for part in (target["protocol"], target["transport"]) if part)),
        ("Started", wording.moment(summary)),
        ("Duration", show_duration(round(summary["duration_s"]))),
        ("Time-out", show_duration(summary["timeout_s"]) if summary["timeout_s"] else None),
        ("Seed", summary["seed"]),
        ("Bytes", f"{show_bytes(totals['bytes_out'])} sent, {show_bytes(totals['bytes_in'])} received"),
        ("Sessions", _sessions(summary["sessions"])),
        ("Target's CPU", show(target["cpu_max"], "share") if target["cpu_max"] is not None else None),
        ("Target's memory", f"{target['rss_max_mb']:.0f} MB" if target["rss_max_mb"] is not None else None),
        (
            "Machine",
            ", ".join(
                str(part) for part in (machine.get("cpu"), _cores(machine), machine.get("platform")) if part
            ),
        ),
        ("Versions", ", ".join(f"{name} {number}" for name, number in versions.items())),
        ("Run", summary["run_id"]),
    ]
    argv = meta.get("argv") or []
    return _section(
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
        el("h3", "Run it again") if argv else None,
        el("pre", el("code", shlex.join(str(word) for word in argv))) if argv else None,
    )


def _cores(machine: Mapping[str, Any]) -> str | None:
    cores = machine.get("cores")
    return f"{cores} cores" if cores else None


def _sessions(found: Mapping[str, Any]) -> str:
    return f"{found['opened']:,} opened, {found['lost']:,} lost, {found['reopened']:,} opened again"


def _reading_the_numbers() -> Html:
    terms = (
        (
            "Response time",
            "from the moment the call was to start until its answer was complete; of ok calls.",
        ),
        ("Service time", "the same, from the moment it was sent."),
        ("p95", "95 of 100 calls were at least as fast. Shown only when at least ten calls were slower."),
        ("Success", "ok calls among those that succeeded or failed."),
        ("Throughput", "ok calls a second, by the time of their completion."),
        (
            "Users",
            "closed load: each waits for its answer before the next call, so the offered load follows the server.",
        ),
    )
    return _section(
        "How to read the numbers", None, el("dl", *(_term(*term) for term in terms), cls="facts terms")
    )


def _term(name: str, meaning: str) -> Html:
    return el("div", el("dt", name), el("dd", meaning))


def _section(title: str, lead: str | None, *content: Node) -> Html:
    return el("section", el("h2", title), el("p", lead, cls="lead") if lead else None, *content)


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Node]],
    *,
    text: Sequence[int] = (0,),
    classes: Sequence[str] = (),
) -> Html:
    """A table that scrolls by itself on a narrow screen; columns not in `text` are numbers."""
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
