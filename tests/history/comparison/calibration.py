"""How often a comparison is wrong: simulated runs whose truth is known, through the functions that judge real ones.

    python -m tests.history.comparison.calibration [--comparisons 2000] [--seed 0]     prints the tables of docs/measurement.md

Each run has one held step and three operations. Its calls are log-normal; the percentiles are those of
harness.analysis.calls.latency, of a few hundred runs whose calls were drawn one by one, each with tails of several widths;
in between they are interpolated. What runs differ by is a factor on all calls of a run, and one of their tail:

    quiet      2 % between runs (log-normal), 1 % of the tail
    shared     a machine with others on it: 3 %, the tail 3 %
    drift      quiet, on a machine that becomes a quarter slower or quicker over the comparison
    follows    neighbouring runs are alike: 3 %, correlated by 0.7 from run to run
    outliers   quiet, and a run in ten is up to half as slow again
    two modes  quiet, and three runs in ten are 8 % slower, as placement in memory does

A false alarm is a comparison of two builds that are the same that is called regressed, or improved (in brackets): one figure
is enough. Power is how often a comparison is called regressed, and p95 in it, when every call of B takes 10 % longer. The
second table asks those that do not see that in p95 how many repeats they need, and makes a new comparison with as many.
Bounds are 95 %, one-sided.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import special

from harness.analysis.calls.latency import percentiles
from harness.history.comparison.comparing import Side, compare
from harness.history.comparison.comparison import Compared, Comparison
from harness.history.comparison.measured import MeasuredRun, Value
from harness.history.comparison.turns import turns
from tests.fakes.measured import KIND

CALLS: Final = {"list": 2500, "query": 1500, "describe": 1000}
MEDIANS_MS: Final = {"list": 20.0, "query": 45.0, "describe": 30.0}
SPREAD: Final = 0.35  # of the logarithm of a call
FAILING: Final = 0.002
POOL: Final = 400  # runs whose calls are drawn
TAILS: Final = np.linspace(-0.12, 0.12, 9)
PERCENTILES: Final = ("p50", "p90", "p95", "p99")
MODELS: Final = ("quiet", "shared", "drift", "follows", "outliers", "two modes")
ORDERS: Final = {
    "by turns, 5 a side": "ABBAABBAAB",
    "by turns, 3 a side": "ABBAAB",
    "in turn, 5 a side": "AAAAABBBBB",
    "10 nights of 3, then one": "|".join(["AAA"] * 10) + "|BBB",
    "one night each": "AAAAA|BBBBB",
}
NOTHING_DECIDED: Final = "one night each"  # whatever the noise
MEAN_ALARMS_MOST: Final = 0.02
POWER_LEAST: Final = 0.9
SEEN_BY_FIVE: Final = frozenset(MODELS) - {"two modes"}  # that one says how many repeats it needs


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of the comparisons ended how."""

    regressed: int
    improved: int
    inconclusive: int
    p95: int  # p95 of the step regressed
    count: int


@dataclass(frozen=True, slots=True)
class Named:
    """What became of comparisons by turns that do not see in p95 that it is slower."""

    repeats: tuple[int, ...]  # that they said would tell, a side
    beyond: int  # that said: more than fifty
    seen: int  # with so many repeats


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of a table: a noise and an order."""

    model: str
    order: str
    comparisons: int
    seed: int


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


@lru_cache(maxsize=1)
def pool() -> np.ndarray:
    """Logarithms of the mean and the percentiles of the step and its operations, in ns: a run, a width of its tail."""
    random = np.random.default_rng(12)
    drawn = []
    for _ in range(POOL):
        normal = {name: random.standard_normal(count) for name, count in CALLS.items()}
        widths = []
        for tail in TAILS:
            parts = [
                MEDIANS_MS[name] * 1e6 * np.exp(SPREAD * np.exp(tail) * one) for name, one in normal.items()
            ]
            widths.append([_logs(one) for one in (np.concatenate(parts), *parts)])
        drawn.append(widths)
    return np.array(drawn)


def _logs(calls: np.ndarray) -> list[float]:
    found = percentiles(calls.astype(np.int64), PERCENTILES)
    return [float(np.log(calls.mean())), *(float(np.log(found[name] or np.nan)) for name in PERCENTILES)]


def measured(at_s: float, factor: float, tail: float, random: np.random.Generator) -> MeasuredRun:
    """A run."""
    one = pool()[random.integers(POOL)]
    at = min(max((tail - TAILS[0]) / (TAILS[1] - TAILS[0]), 0.0), len(TAILS) - 1.001)
    low, part = int(at), at % 1
    logs = one[low] * (1 - part) + one[low + 1] * part + factor
    names = [("steady", sum(CALLS.values())), *((f"{name} by User", count) for name, count in CALLS.items())]
    values: list[Value] = []
    for number, (name, count) in enumerate(names):
        values += figures(name, count, np.exp(logs[number]), random, leading=number == 0)
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
    of: str, calls: int, found_ns: np.ndarray, random: np.random.Generator, *, leading: bool
) -> Iterator[Value]:
    """Throughput of a closed load, success, percentiles."""
    failed = int(random.binomial(calls, FAILING))
    rate = (failed + 0.5) / (calls + 1)
    doubt = float(np.sqrt(rate * (1 - rate) / calls))
    throughput = 10 / (found_ns[0] / 1e9)
    yield Value(of=of, name="throughput", unit="per_s", value=float(throughput), leading=leading)
    yield Value(of=of, name="success", unit="share", value=1 - failed / calls, doubt=doubt, leading=leading)
    for name, ns in zip(PERCENTILES, found_ns[1:], strict=True):
        yield Value(of=of, name=name, unit="ms", value=float(ns) / 1e6, leading=leading)


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


def p95_of(found: Comparison) -> Compared:
    return next(one for one in found.figures if (one.of, one.name) == ("steady", "p95"))


def counted(cell: Cell, slower: float) -> Counted:
    """Many comparisons."""
    random = np.random.default_rng([cell.seed, MODELS.index(cell.model), len(cell.order)])
    verdicts = {"regressed": 0, "improved": 0, "inconclusive": 0}
    p95 = 0
    for _ in range(cell.comparisons):
        found = comparison(cell.model, cell.order, slower, random)
        words = {one.word for one in found.figures}
        verdicts["regressed"] += found.verdict == "regressed"
        verdicts["improved"] += "improved" in words
        verdicts["inconclusive"] += found.verdict == "inconclusive"
        p95 += p95_of(found).word == "regressed"
    return Counted(**verdicts, p95=p95, count=cell.comparisons)


def named(cell: Cell, slower: float) -> Named:
    """Ask comparisons that do not see it in p95 how many repeats would tell, and make a new one with as many."""
    random = np.random.default_rng([cell.seed, MODELS.index(cell.model), 99])
    repeats, beyond, seen = [], 0, 0
    for _ in range(cell.comparisons):
        p95 = p95_of(comparison(cell.model, cell.order, slower, random))
        if p95.word == "regressed":
            continue
        if p95.more_repeats is None:
            beyond += 1
            continue
        repeats.append(5 + p95.more_repeats)
        again = comparison(cell.model, turns(repeats[-1]), slower, random)
        seen += p95_of(again).word == "regressed"
    return Named(tuple(repeats), beyond, seen)


def line(cell: Cell) -> tuple[Counted, Counted, Counted]:
    """Two that are the same, 10 % slower, 20 % slower."""
    other = replace(cell, seed=cell.seed + 1)
    few = replace(other, comparisons=max(1, cell.comparisons // 8))
    return counted(cell, 1.0), counted(other, 1.1), counted(few, 1.2)


def upper(hits: int, count: int) -> float:
    """The 95 % upper bound of a share (Clopper and Pearson, one-sided)."""
    return float(special.betaincinv(hits + 1, count - hits, 0.95)) if hits < count else 1.0


def lower(hits: int, count: int) -> float:
    return float(special.betaincinv(hits, count - hits + 1, 0.05)) if hits else 0.0


def told(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def first_table(options: argparse.Namespace, workers: ProcessPoolExecutor) -> bool:
    """Print false alarms and power; whether what docs/compare.md promises holds."""
    told(
        "| order | noise | regressed (improved), of two that are the same | 95 % bound | inconclusive "
        "| +10 % is called regressed | and p95 in it | +20 % in p95 |"
    )
    told("|---|---|---|---|---|---|---|---|")
    usual = next(iter(ORDERS))
    lines = [
        (name, Cell(model, order, max(1, options.comparisons // (1 if name == usual else 4)), options.seed))
        for name, order in ORDERS.items()
        if options.order in {None, name}
        for model in (MODELS if name != NOTHING_DECIDED else MODELS[:1])
    ]
    names, cells = zip(*lines, strict=True)
    right = True
    for name, cell, (same, ten, twenty) in zip(names, cells, workers.map(line, cells), strict=True):
        bound = upper(same.regressed, same.count)
        told(
            f"| {name} | {cell.model} | {same.regressed} ({same.improved}) of {same.count:,} | {bound:.1%} "
            f"| {same.inconclusive / same.count:.0%} | {share(ten.regressed, ten.count)} | {share(ten.p95, ten.count)} "
            f"| {twenty.p95 / twenty.count:.0%} |"
        )
        if name == usual:
            right &= bound <= MEAN_ALARMS_MOST
            right &= cell.model not in SEEN_BY_FIVE or ten.p95 / ten.count >= POWER_LEAST
    return right


def second_table(options: argparse.Namespace, workers: ProcessPoolExecutor) -> bool:
    """Print what the number of repeats that a comparison names is worth."""
    told("")
    told(
        "| noise | +10 % not seen in p95 by five a side | repeats a side that are named (median, 90 %) | p95 is called regressed with so many |"
    )
    told("|---|---|---|---|")
    usual = next(iter(ORDERS.values()))
    cells = [Cell(model, usual, max(1, options.comparisons // 2), options.seed + 2) for model in MODELS]
    right = True
    for cell, found in zip(cells, workers.map(named, cells, [1.1] * len(cells)), strict=True):
        many = len(found.repeats)
        middle = f"{np.median(found.repeats):.0f}, {np.quantile(found.repeats, 0.9):.0f}" if many else "-"
        worth = share(found.seen, many) if many else "-"
        told(
            f"| {cell.model} | {many + found.beyond} of {cell.comparisons:,} ({found.beyond} need more than 50) | {middle} | {worth} |"
        )
        right &= many < 50 or found.seen / many >= POWER_LEAST
    return right


def share(hits: int, count: int) -> str:
    return f"{hits / count:.0%} (at least {lower(hits, count):.0%})"


def main() -> int:
    """Print the tables; 1 when what docs/compare.md promises does not hold."""
    parser = argparse.ArgumentParser(description="False alarms and power of comparisons")
    parser.add_argument("--comparisons", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=("first", "second"), help="one of the tables")
    parser.add_argument("--order", choices=tuple(ORDERS), help="one of the orders of the first table")
    options = parser.parse_args()
    right = True
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for name, table in (("first", first_table), ("second", second_table)):
            if options.only in {None, name}:
                right &= table(options, workers)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
