"""Nine ways to fail: each 20th call fails, in turns, and the server knows which it has given.

The report has to have each of the nine exactly as often, and the success rate of the calls of the load: handshakes
succeed all the same, and are none of them.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, exactly
from tests.truth.runs import load, serving
from tests.truth.servers.failing import WAYS

EVERY = 20


def rows(form: Form) -> Iterator[Row]:
    calls = EVERY * len(WAYS) * (2 if form.short else 10)
    with serving("failing", every=EVERY, ways=list(WAYS), takes_s=0.002) as server:
        run = load(form.out, server, "bench", "--requests", str(calls), "--concurrency", "6")
        counted = server.record().outcomes()
    reported = run.failures()
    for way in WAYS:
        yield exactly(f"calls that ended as {way}", counted[way], reported[way])
    yield exactly("all kinds of failure", len(WAYS), len(reported))
    yield exactly("ok calls", counted["ok"], run.calls()["ok"])
    rate = counted["ok"] / sum(counted.values())
    reported_rate = run.summary["totals"]["success_rate"]
    # Rounded down to four digits.
    yield Row("success rate of the calls of the load", rate, reported_rate, rate - 1e-4, rate + 1e-12)
