"""How often a comparison is wrong: simulated runs whose truth is known, through the functions that judge real ones.

    python -m tests.history.comparison.calibration [--comparisons 2000] [--seed 0]     prints the table of docs/measurement.md

Each run has one held step and three operations. Its calls are log-normal; the percentiles are those of
harness.analysis.calls.latency. What runs differ by is a factor on all calls of a run, and one of their tail:

    quiet      2 % between runs (log-normal), 1 % of the tail
    shared     a machine with others on it: 3 %, the tail 3 %
    drift      quiet, on a machine that becomes a quarter slower or quicker over the comparison
    follows    neighbouring runs are alike: 3 %, correlated by 0.7 from run to run
    outliers   quiet, and a run in ten is up to half as slow again
    two modes  quiet, and three runs in ten are 8 % slower, as placement in memory does

A false alarm is a comparison of two builds that are the same that is called regressed, or improved (in brackets): one figure
is enough. Power is how often p95 is called regressed when every call of B takes 10 % longer. Bounds are 95 %, one-sided.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from harness.analysis.calls.latency import percentiles
from harness.history.comparison.comparing import Side, compare
from harness.history.comparison.comparison import Comparison
from harness.history.comparison.measured import MeasuredRun, Value
from tests.fakes.measured import KIND

CALLS: Final = {"list": 2500, "query": 1500, "describe": 1000}
MEDIANS_MS: Final = {"list": 20.0, "query": 45.0, "describe": 30.0}
SPREAD: Final = 0.35  # of the logarithm of a call
FAILING: Final = 0.002
MODELS: Final = ("quiet", "shared", "drift", "follows", "outliers", "two modes")
ORDERS: Final = {
    "by turns, 5 a side": "ABBAABBAAB",
    "by turns, 3 a side": "ABBAAB",
    "in turn, 5 a side": "AAAAABBBBB",
    "10 nights of 3, then one": "|".join(["AAA"] * 10) + "|BBB",
    "one night each": "AAAAA|BBBBB",
}
MEAN_ALARMS_MOST: Final = 0.02
POWER_LEAST: Final = 0.9


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of the comparisons ended how."""

    regressed: int
    improved: int
    inconclusive: int
    p95: int  # p95 of the step regressed
    count: int


def factors(
    model: str, runs: int, nights: list[int], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """For each run: the logarithm of the factor on its calls, and on their spread."""
    sigma, tail = {"shared": (0.03, 0.03), "follows": (0.0, 0.01)}.get(model, (0.02, 0.01))
    found = random.normal(0, sigma, runs)
    if len(set(nights)) > 1:
        found += random.normal(0, 0.02, max(nights) + 1)[nights]
    if model == "drift":
        found += random.choice([-1, 1]) * np.log(1.25) * np.linspace(0, 1, runs)
    if model == "follows":
        one = random.normal(0, 0.03)
        for at in range(runs):
            found[at] += one
            one = 0.7 * one + np.sqrt(1 - 0.7**2) * random.normal(0, 0.03)
    if model == "outliers":
        found += (random.random(runs) < 0.1) * random.uniform(0, np.log(1.5), runs)
    if model == "two modes":
        found += (random.random(runs) < 0.3) * np.log(1.08)
    return found, random.normal(0, tail, runs)


def measured(at_s: float, factor: float, tail: float, random: np.random.Generator) -> MeasuredRun:
    """A run, from its calls."""
    values: list[Value] = []
    every = []
    for name, count in CALLS.items():
        calls = (
            MEDIANS_MS[name] * 1e6 * np.exp(factor + SPREAD * np.exp(tail) * random.standard_normal(count))
        )
        every.append(calls)
        values += figures(f"{name} by User", calls.astype(np.int64), factor, random, leading=False)
    step = np.concatenate(every).astype(np.int64)
    values = [*figures("steady", step, factor, random, leading=True), *values]
    return MeasuredRun(
        run_id=f"{at_s:g}",
        path="",
        scenario="night",
        started_at_s=at_s,
        duration_s=60.0,
        verdict="pass",
        kind=KIND,
        version="1",
        values=tuple(values),
        errors=(),
    )


def figures(
    of: str, calls: np.ndarray, factor: float, random: np.random.Generator, *, leading: bool
) -> Iterator[Value]:
    """Throughput of a closed load, success, percentiles."""
    failed = int(random.binomial(len(calls), FAILING))
    rate = (failed + 0.5) / (len(calls) + 1)
    doubt = float(np.sqrt(rate * (1 - rate) / len(calls)))
    share = 1 - failed / len(calls)
    throughput = 10 / (calls.mean() / 1e9)
    yield Value(of=of, name="throughput", unit="per_s", value=float(throughput), leading=leading)
    yield Value(of=of, name="success", unit="share", value=share, doubt=doubt, leading=leading)
    del factor
    for name, ns in percentiles(calls, ("p50", "p90", "p95", "p99")).items():
        if ns is not None:
            yield Value(of=of, name=name, unit="ms", value=ns / 1e6, leading=leading)


def comparison(model: str, order: str, slower: float, random: np.random.Generator) -> Comparison:
    """One comparison of simulated runs."""
    letters = order.replace("|", "")
    nights = [order[:at].count("|") for at, letter in enumerate(order) if letter != "|"]
    wide, tails = factors(model, len(letters), nights, random)
    sides: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
    for at, letter in enumerate(letters):
        factor = wide[at] + (np.log(slower) if letter == "B" else 0.0)
        at_s = 80_000.0 * nights[at] + 75.0 * at
        sides[letter].append(measured(at_s, float(factor), float(tails[at]), random))
    return compare(*(Side(label=letter, runs=tuple(runs)) for letter, runs in sides.items()))


def counted(model: str, order: str, slower: float, comparisons: int, seed: int) -> Counted:
    """Many comparisons."""
    random = np.random.default_rng([seed, MODELS.index(model), len(order)])
    verdicts = {"regressed": 0, "improved": 0, "inconclusive": 0}
    p95 = 0
    for _ in range(comparisons):
        found = comparison(model, order, slower, random)
        words = {one.word for one in found.figures}
        verdicts["regressed"] += found.verdict == "regressed"
        verdicts["improved"] += "improved" in words
        verdicts["inconclusive"] += found.verdict == "inconclusive"
        p95 += any(
            one.word == "regressed" and (one.of, one.name) == ("steady", "p95") for one in found.figures
        )
    return Counted(**verdicts, p95=p95, count=comparisons)


def upper(hits: int, count: int) -> float:
    """The 95 % upper bound of a share (Clopper and Pearson, one-sided)."""
    return float(special.betaincinv(hits + 1, count - hits, 0.95)) if hits < count else 1.0


def lower(hits: int, count: int) -> float:
    return float(special.betaincinv(hits, count - hits + 1, 0.05)) if hits else 0.0


def told(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """The table; 1 when what docs/compare.md promises does not hold."""
    parser = argparse.ArgumentParser(description="False alarms and power of comparisons")
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wrong = False
    told(
        "| order | noise | regressed (improved), of two that are the same | 95 % bound | inconclusive | +10 % is seen in p95 | +20 % |"
    )
    told("|---|---|---|---|---|---|---|")
    for name, order in ORDERS.items():
        first = name == next(iter(ORDERS))
        count = options.comparisons if first else max(1, options.comparisons // 4)
        for model in MODELS:
            same = counted(model, order, 1.0, count, options.seed)
            few = max(1, count // 4)
            seen = [counted(model, order, slower, few, options.seed + 1) for slower in (1.1, 1.2)]
            bound = upper(same.regressed, count)
            told(
                f"| {name} | {model} | {same.regressed} ({same.improved}) of {count:,} | {bound:.1%} | {same.inconclusive / count:.0%} "
                f"| {seen[0].p95 / few:.0%} (at least {lower(seen[0].p95, few):.0%}) | {seen[1].p95 / few:.0%} |",
            )
            wrong |= first and bound > MEAN_ALARMS_MOST
            wrong |= first and model in {"quiet", "drift"} and lower(seen[0].p95, few) < POWER_LEAST
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
