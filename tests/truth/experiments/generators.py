"""The generator's own part: what it says that it added is what its figures are off by.

A percentile as reported is what the server measured itself for the same calls, and what the generator says that it added to it;
the rest is the way. What it says when it is disturbed is in disturbed.py.
"""

from collections.abc import Iterator

from tests.truth.rows import WAY_MS, Form, Row, between
from tests.truth.runs import load, serving

SHOWN = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def rows(form: Form) -> Iterator[Row]:
    for_s = 3 if form.short else 10
    with serving("times", kind="lognormal") as server:
        flags = ("--rate", "200/s", "--for", f"{for_s}s", "--arrivals", "poisson", "--protocol", "plain")
        run = load(form.out, server, "rate", *flags)
        record = server.record()
    measured = record.took_ms(run.window_ns(run.step, record))
    n = len(measured)
    added = run.summary["generator"]["added_ms"]
    for word, q in SHOWN.items():
        reported = run.step["latency_ms"]["response"][word]
        if reported is None or added[word] is None:  # too few calls above it
            continue
        # A call at either end of the window may be in one list and not in the other.
        low, high = measured[max(0, int(q * n) - 2)], measured[min(n - 1, int(q * n) + 2)]
        theory = measured[int(q * n)] + added[word]
        more = 1_000 if form.short else WAY_MS
        name = f"{word}: the server's own and what was added"
        yield between(name, theory, reported, low - 0.05, high + added[word] + more)
