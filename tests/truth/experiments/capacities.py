"""A server whose capacity has a formula: M/M/4, for calls at a rate (Poisson), and for users who do not pause.

At a rate: the largest one at which Erlang's formula puts at most 5 % of the calls above the bound (experiments/queues.py).
Of N users without pauses each call finds N - 1 others, of whom N - 4 leave before it begins: Erlang(N - 4) and its own time.
The true number must lie inside the 90 % interval in at least 18 of 20 runs, each of 3 minutes at most (--short: one run, of a
few seconds, whose interval is wide).
"""

import math
from collections.abc import Iterator
from typing import Any

from tests.truth.experiments.queues import Queue
from tests.truth.rows import Form, Row, between, exactly
from tests.truth.runs import load, serving

RUNS = 20
HIT_LEAST = 18
TAKES_S = 0.020
SERVERS = 4
BOUND_MS = {"rate": 100, "users": 250}
WITHIN_S = 175


def rows(form: Form) -> Iterator[Row]:
    truths = {"rate": rate_at(BOUND_MS["rate"] / 1000), "users": float(users_at(BOUND_MS["users"] / 1000))}
    hits = 0
    runs = 1 if form.short else RUNS
    for number in range(runs):
        kind = "users" if number % 2 else "rate"
        found, took_s = _found(form, kind, number)
        low, high = found["interval"] or (0.0, 0.0)
        hits += low <= truths[kind] <= high
        yield exactly(
            f"{kind} {number + 1}: {low:.4g} to {high:.4g}, truth {truths[kind]:.4g}", "found", found["word"]
        )
        yield between("  took, in s, with all that is around it", WITHIN_S, took_s, 0, WITHIN_S + 60)
    yield between(f"inside the interval, of {runs}", runs, hits, min(HIT_LEAST, runs), runs)


def rate_at(bound_s: float) -> float:
    """The arrivals a second at which 5 % of the calls are slower."""
    low, high = 0.0, 0.999 * SERVERS / TAKES_S
    for _ in range(60):
        middle = (low + high) / 2
        slow = Queue("", middle, TAKES_S, SERVERS).above(bound_s)
        low, high = (middle, high) if slow < 0.05 else (low, middle)
    return low


def users_at(bound_s: float) -> int:
    """The users of whose calls at most 5 % are slower."""
    users = SERVERS
    while users_above(users + 1, bound_s) <= 0.05:
        users += 1
    return users


def users_above(users: int, bound_s: float) -> float:
    """The share of calls that take longer: (users - servers) others begin first, one after the other, then the own time."""
    steps, ahead = 4_000, users - SERVERS
    each_s, slow, own_s = bound_s / steps, 0.0, 1 / TAKES_S
    rate = SERVERS / TAKES_S
    inside = 0.0
    for step in range(steps):  # the density of Erlang, by its logarithm
        at_s = (step + 0.5) * each_s
        log = ahead * math.log(rate) + (ahead - 1) * math.log(at_s) - rate * at_s - math.lgamma(ahead)
        weight = math.exp(log) * each_s
        inside += weight
        slow += weight * math.exp(-own_s * (bound_s - at_s))
    return slow + max(0.0, 1 - inside)


def _found(form: Form, kind: str, number: int) -> tuple[dict[str, Any], float]:
    flags = ["--rate"] if kind == "rate" else []
    within = "12s" if form.short else f"{WITHIN_S}s"
    with serving("queueing", takes_s=TAKES_S, servers=SERVERS, seed=number + 1) as server:
        run = load(
            form.out,
            server,
            "capacity",
            *flags,
            "--slo",
            f"p95 < {BOUND_MS[kind]}ms",
            "--within",
            within,
            "--seed",
            str(number),
            within_s=WITHIN_S + 120,
        )
    (found,) = run.summary["found_capacity"]
    return found, run.summary["duration_s"]
