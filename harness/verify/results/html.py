"""The results as one page in the style of a run's report: what did not hold, with each exchange behind it, then all that was tried."""

from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import MS_PER_S
from harness.report.markup import Html, Node, el, join
from harness.report.page import document
from harness.verify.exchanges import Exchange
from harness.verify.finding import OUTCOMES, PRIORITIES, Outcome, Result
from harness.verify.results.suite import SuiteResult

TONES: Final[dict[Outcome, str]] = {
    "passed": "pass",
    "failed": "fail",
    "skipped": "untold",
    "unknown": "unknown",
}
MARKS: Final[dict[Outcome, str]] = {"passed": "✓", "failed": "✕", "skipped": "-", "unknown": "?"}
CHARS_MOST: Final = 2_000


def html(suite: SuiteResult) -> str:
    """The whole page."""
    wrong = [result for result in suite.results if result.outcome in {"failed", "unknown"}]
    return document(
        f"{redact.url(suite.target)} · {suite.verdict()}",
        _header(suite),
        _section("What does not hold", *map(_wrong, wrong)) if wrong else None,
        *(_all(suite, priority) for priority in PRIORITIES),
        css=files("harness.verify.results").joinpath("page.css").read_text(encoding="utf-8"),
    )


def _header(suite: SuiteResult) -> Html:
    began = f"{datetime.fromtimestamp(suite.started_ms / MS_PER_S, UTC):%Y-%m-%d %H:%M:%S} UTC"
    tone = {0: "pass", 1: "fail", 4: "fail"}.get(suite.exit_code, "unknown")
    head, _, more = suite.verdict().partition(": ")
    tiles = [(outcome.capitalize(), str(number)) for outcome, number in suite.count().items()]
    tiles.append(("Took", f"{suite.duration_s:.1f} s"))
    return el(
        "header",
        el("h1", redact.url(suite.target)),
        el("p", "  ·  ".join(part for part in ("verified", _cut(suite.server), began) if part), cls="sub"),
        el(
            "div",
            el(
                "p",
                el("strong", head[:1].upper() + head[1:]),
                el("span", more or f"{suite.count()['passed']} checks hold"),
                el("span", f"exit code {suite.exit_code}", cls="label"),
            ),
            cls=f"verdict {tone}",
        ),
        el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in tiles), cls="tiles"),
    )


def _wrong(result: Result) -> Html:
    """One check that does not hold, and what was exchanged."""
    number = len(result.exchanges)
    return el(
        "article",
        el("h3", _badge(result.outcome), el("span", _cut(result.title)), _labels(result)),
        el("pre", _cut(result.why), tabindex="0"),
        el(
            "details",
            el("summary", f"{number} exchange{'s' if number > 1 else ''} with the deployment"),
            *map(_exchange, result.exchanges),
            cls="exchanges",
        )
        if number
        else None,
        cls=f"check {TONES[result.outcome]}",
    )


def _exchange(exchange: Exchange) -> Html:
    return el(
        "section",
        el("h4", el("code", exchange.request), el("span", exchange.operation, cls="label")),
        _message("sent", exchange.request_headers, exchange.request_body),
        el("p", el("strong", exchange.came_to), el("span", f"after {exchange.took_ms:.0f} ms", cls="label")),
        _message("received", exchange.headers, exchange.body) if exchange.headers or exchange.body else None,
    )


def _message(what: str, headers: tuple[str, ...], body: str) -> Html:
    text = "\n\n".join(part for part in ("\n".join(headers), body) if part)
    return el("pre", text, tabindex="0", aria_label=what)


def _all(suite: SuiteResult, priority: int) -> Html | None:
    """A table of one priority, a block for each category."""
    results = [result for result in suite.results if result.priority == priority]
    if not results:
        return None
    counted = Counter(result.outcome for result in results)
    lead = ", ".join(f"{counted[outcome]} {outcome}" for outcome in OUTCOMES if counted[outcome])
    rows = [
        el(
            "tr",
            el("td", _badge(result.outcome)),
            el("td", result.category),
            el("td", el("span", _cut(result.title), cls="long"), _why(result)),
            el(
                "td",
                "" if result.outcome == "skipped" else f"{result.duration_s * MS_PER_S:.0f} ms",
                cls="num",
            ),
        )
        for result in results
    ]
    head = el(
        "tr",
        *(el("th", name, scope="col") for name in ("Outcome", "Category", "Check")),
        el("th", "Took", scope="col", cls="num"),
    )
    table = el("table", el("thead", head), el("tbody", join(rows)), cls="checks")
    scrolled = el("div", table, cls="scroll", tabindex="0", role="region", aria_label=f"P{priority} checks")
    return _section(f"P{priority}, {PRIORITIES[priority]}", el("p", lead, cls="lead"), scrolled)


def _why(result: Result) -> Html | None:
    paragraphs = [
        *([_cut(result.why)] if result.outcome == "skipped" else []),
        *([f"To run it: {_cut(result.how)}"] if result.how else []),
        *([f"It held at try {result.tries}"] if result.tries > 1 and result.outcome == "passed" else []),
    ]
    return el("div", *(el("div", line) for line in paragraphs), cls="reason") if paragraphs else None


def _labels(result: Result) -> Html:
    return el("span", f"P{result.priority} · {result.category or 'of your own'}", cls="label")


def _badge(outcome: Outcome) -> Html:
    return el("span", f"{MARKS[outcome]} {outcome}", cls=f"badge {TONES[outcome]}")


def _section(title: str, *content: Node) -> Html:
    return el("section", el("h2", title), *content)


def _cut(text: str) -> str:
    shown = hide(text)
    return shown if len(shown) <= CHARS_MOST else f"{shown[:CHARS_MOST]}…"
