"""One call at a time, 10 ms each: the knee is one user, and the server does a hundred calls a second.

It never fails: more users only wait. So there is no breaking point, and p50 of N users is N times ten milliseconds.
"""

from collections.abc import Iterator

from tests.truth.rows import Form, Row, between, exactly, within
from tests.truth.runs import load, serving

TAKES_MS, MOST = 10, 5


def rows(form: Form) -> Iterator[Row]:
    with serving("queueing", takes_s=TAKES_MS / 1000, exponential=False) as server:
        run = load(
            form.out,
            server,
            "ramp",
            "--max",
            str(MOST),
            "--step",
            "1",
            "--hold",
            "1s" if form.short else "3s",
        )
    knee = run.summary.get("knee") or {}
    yield exactly("breaking point", None, run.summary["breaking_point"])
    if form.short:
        return
    yield exactly("knee in users", 1, knee.get("users"))
    yield exactly("one call at a time", True, knee.get("one_at_a_time"))
    yield between("calls a second at the knee", 1000 / TAKES_MS, knee.get("rps"), 85, 100.5)
    for step in run.summary["steps"]:
        users = step["users"]
        p50, rate = step["latency_ms"]["response"]["p50"], step["throughput_rps"]
        yield within(f"p50 of {users} users in ms", users * TAKES_MS, p50, 1 + 0.03 * users * TAKES_MS)
        # With one user there is nobody to keep the server busy between two calls.
        yield between(f"throughput of {users} users", 1000 / TAKES_MS, rate, 85 if users == 1 else 97, 100.5)
