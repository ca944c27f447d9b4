"""Counts by kind of step: what was asked for, what the server counted, what the report says.

bench and requests_per_user put exactly so many calls on the server, whether their users think or not, on one worker or on
two, and whatever comes next; a rate that is the last step puts what it offers, from its first moment to its end. The totals
of the report are what the server counted.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, between, exactly
from tests.truth.runs import Run, Server, load, scenario, serving

REQUESTS, RATE, FOR_S = 137, 500, 8
EACH = {"name": "each", "steps": {"levels": [3, 5], "hold": "1s", "requests_per_user": 4}}
EACH_ALL = (3 + 5) * 4
# Users who have made their calls are followed by others who wait, by nobody, and by a pool.
ONE_AFTER_THE_OTHER = [
    {"name": "first", "bench": {"requests": 23, "users": 7}},
    {"name": "climb", "ramp": {"to": 6, "step": 3, "requests_per_user": 3, "rest": "1s", "confirm": False}},
    {"name": "again", "bench": {"requests": 11, "users": 4}},
    {"name": "last", "rate": {"rate": "40/s", "for": "2s"}},
]
ONE_AFTER_THE_OTHER_ALL = 23 + (3 + 6) * 3 + 11 + 80


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
    yield from _together(form, think=True)
    with serving("times", seconds=0.005) as server:
        run = load(form.out, server, "rate", "--rate", f"{RATE}/s", "--for", f"{FOR_S}s")
        yield from _by_time("rate", run, server)
        # What is offered from the step's first moment to its end, and nothing while it closes.
        yield exactly("rate: calls that the server got", RATE * FOR_S, server.record().asked["tools/call"])
    with serving("times", seconds=0.005) as server:
        run = load(form.out, server, "sustain", "--users", "4", "--no-think", "--for", "5s")
        yield from _by_time("sustain", run, server)


def _together(form: Form, *, think: bool = False) -> Iterator[Row]:
    """One after the other in one run, on two workers; the last is a rate."""
    with serving("times", seconds=0.02) as server:
        run = scenario(
            form.out,
            "counts",
            server,
            workload=[{"call": "wait"}],
            load=ONE_AFTER_THE_OTHER,
            workers=2,
            think=think,
        )
        counted = server.record().asked["tools/call"]
        name = f"one after the other, users who {'think' if think else 'do not think'}"
        yield exactly(f"{name}: calls that the server got", ONE_AFTER_THE_OTHER_ALL, counted)
        yield from _totals(name, run, counted)


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
