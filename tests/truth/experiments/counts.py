"""Counts by kind of step: what was asked for, what the server counted, what the report says.

bench and requests_per_user put exactly so many calls on the server; a rate puts what it offers in the measured time and
around it, and the totals of the report are what the server counted. Nothing arrives after the step is over.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, between, exactly
from tests.truth.runs import Run, Server, load, scenario, serving

REQUESTS, RATE, FOR_S = 137, 500, 8
EACH = {"name": "each", "steps": {"levels": [3, 5], "hold": "1s", "requests_per_user": 4}}
EACH_ALL = (3 + 5) * 4


def rows(form: Form) -> Iterator[Row]:
    if form.short:
        yield from _together(form)
        return
    with serving("times", seconds=0.02) as server:
        run = load(form.out, server, "bench", "--requests", str(REQUESTS), "--concurrency", "10")
        yield from _by_count("bench", run, server, REQUESTS)
    with serving("times", seconds=0.02) as server:
        run = scenario(form.out, "each", server, workload=[{"call": "wait"}], load=[EACH])
        yield from _by_count("requests_per_user", run, server, EACH_ALL)
    with serving("times", seconds=0.005) as server:
        run = load(form.out, server, "rate", "--rate", f"{RATE}/s", "--for", f"{FOR_S}s")
        yield from _by_time("rate", run, server)
        # What is offered from the step's first moment to its end, and nothing while it closes.
        yield exactly("rate: calls that the server got", RATE * FOR_S, server.record().asked["tools/call"])
    with serving("times", seconds=0.005) as server:
        run = load(form.out, server, "sustain", "--users", "4", "--no-think", "--for", "5s")
        yield from _by_time("sustain", run, server)


def _together(form: Form) -> Iterator[Row]:
    """The two by count in one run."""
    bench = {"name": "quick", "bench": {"requests": REQUESTS, "users": 10}}
    with serving("times", seconds=0.02) as server:
        run = scenario(form.out, "counts", server, workload=[{"call": "wait"}], load=[bench, EACH])
        yield from _by_count("bench and requests_per_user", run, server, REQUESTS + EACH_ALL)


def _by_count(name: str, run: Run, server: Server, asked: int) -> Iterator[Row]:
    counted = server.record().asked["tools/call"]
    yield exactly(f"{name}: calls that the server got", asked, counted)
    yield exactly(
        f"{name}: requests of the steps", asked, sum(step["requests"] for step in run.summary["steps"])
    )
    yield exactly(f"{name}: calls in the report", counted, run.calls()["requests"])
    yield from _totals(name, run, counted)


def _by_time(name: str, run: Run, server: Server) -> Iterator[Row]:
    record = server.record()
    yield exactly(f"{name}: calls in the report", record.asked["tools/call"], run.calls()["requests"])
    yield exactly(f"{name}: ok calls in the report", record.outcomes()["ok"], run.calls()["ok"])
    low, high = run.window_ns(run.step, record)
    arrived = sum(low <= at < high for _, _, at, _ in record.calls)
    # A call may be sent on one side of the step's border and arrive on the other: one for each user, at both ends.
    allowed = 2 * (run.step["users"] or 4)
    yield between(
        f"{name}: requests of the step", arrived, run.step["requests"], arrived - allowed, arrived + allowed
    )
    yield from _totals(name, run, record.asked["tools/call"])


def _totals(name: str, run: Run, counted: int) -> Iterator[Row]:
    """All rows are accounted for; of the totals, `calls` are those of the load."""
    generator = run.summary["generator"]
    yield exactly(f"{name}: rows that are lost", 0, generator["lost"])
    yield exactly(f"{name}: totals.calls", counted, run.summary["totals"].get("calls"))
