"""Percentiles of three distributions, under three kinds of load.

The server has no queue, so response time is what the call takes, however the calls arrive. Beside theory, whose percentiles
n calls show only within the order statistics around them (rows.percentile), stands what the server itself measured for the
same calls: there the difference is the way, and what the generator says that it added itself (five users whose calls all
take the same time are answered at once, and the last of them waits for four others).
"""

from collections.abc import Iterator
from typing import Any

from tests.truth.rows import WAY_MS, Form, Row, between, mean, percentile
from tests.truth.runs import Record, Run, scenario, serving
from tests.truth.servers.times import MEANS_S, QUANTILES

QUANTILES_SHOWN = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
DEVIATIONS_MS = {"fixed": 0.0, "bimodal": 33.9, "lognormal": 12.1}  # of one call
# What the way may add in CI, where two other tests have the processors: a margin against mistakes, not a measurement.
GENEROUS_MS = 1_000.0


def rows(form: Form) -> Iterator[Row]:
    hold = "2s" if form.short else "6s"
    rate = "100/s" if form.short else "200/s"
    phases = [
        {"name": "closed", "sustain": {"users": 5, "for": hold}},
        {"name": "constant", "rate": {"rate": rate, "for": hold}},
        {"name": "poisson", "rate": {"rate": rate, "for": hold, "arrivals": "poisson"}},
    ]
    phases = phases[::2] if form.short else phases
    for kind in ["bimodal"] if form.short else QUANTILES:
        with serving("times", kind=kind) as server:
            run = scenario(form.out, f"latency-{kind}", server, workload=[{"call": "wait"}], load=phases)
            record = server.record()
        for phase, step in zip(phases, run.summary["steps"], strict=True):
            yield from _step(form, kind, f"{kind}, {phase['name']}", run, step, record)
        if kind == "lognormal":
            yield _intervals(run)


def _step(form: Form, kind: str, name: str, run: Run, step: dict[str, Any], record: Record) -> Iterator[Row]:
    table = step["latency_ms"]["response"]
    measured = record.took_ms(run.window_ns(step, record))
    n = len(measured)
    own_ms = max((one for one in run.summary["generator"]["added_ms"].values() if one), default=0.0)
    for word, q in QUANTILES_SHOWN.items():
        if table[word] is None:  # too few calls above it
            continue
        itself = measured[max(0, min(n - 1, round(q * n)))]
        if form.short:
            # Never quicker than the server, to the two calls at the ends of the window; slower only by the machine.
            low = measured[max(0, int(q * n) - 2)] - 0.05
            yield between(
                f"{name}: {word} beside the server's own", itself, table[word], low, itself + GENEROUS_MS
            )
            continue
        yield percentile(
            f"{name}: {word} in ms", lambda x: QUANTILES[kind](x) * 1000, q, n, table[word], WAY_MS + own_ms
        )
        high = measured[min(n - 1, int(q * n) + 2)]
        low = measured[max(0, int(q * n) - 2)]
        yield between(
            f"{name}: {word} beside the server's own", itself, table[word], low - 0.05, high + WAY_MS + own_ms
        )
    if form.long:
        yield mean(f"{name}: mean in ms", MEANS_S[kind] * 1000, DEVIATIONS_MS[kind], n, table["mean"])


def _intervals(run: Run) -> Row:
    """Of the whole run, at whose percentiles the distribution has no jump; the way is in them, so it is allowed for."""
    spans = {
        q: run.summary["intervals"][f"{word}_ms"] for word, q in QUANTILES_SHOWN.items() if word != "p90"
    }
    quantile = QUANTILES["lognormal"]
    covered = sum(low - WAY_MS <= quantile(q) * 1000 <= high for q, (low, high) in spans.items())
    return between(
        "lognormal: intervals with the truth in them", len(spans), covered, len(spans) - 1, len(spans)
    )
