"""Recovery on simulated noise: how often its bands are wrong, and what they see.

    python -m tests.analysis.calibration [--runs 300]      prints the table that docs/measurement.md quotes

Each run: load before, a placebo, twelve seconds after it. Calls come at random, times are log-normal (sigma); `drift` moves
the median slowly (an AR(1) walk of its logarithm), `spikes` triples it for a second now and then; `own_` does the same for
each tool by itself. With several tools each call is of one of them, by chance, and each has another median.

What is wrong after healing is so many times slower, or `slow_ms` more, or fails, for a tool (`hit`) or a share of all calls
(`shard`), until `until_s` after healing.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.analysis.calls.calls import Calls
from harness.analysis.faults import recovery
from harness.analysis.faults.planned import PlannedFault
from harness.analysis.faults.recovery import Recovery
from harness.analysis.levels.steps import Step
from tests.fakes.runs import MS, S, rows

FOR_S, AFTER_S = 5, 12
MEDIANS_MS = (20.0, 5.0, 60.0, 20.0, 8.0, 120.0, 20.0, 30.0)
TOOLS = len(MEDIANS_MS)
EACH = Calls.of(
    rows(
        2 * TOOLS,
        outcome=np.tile(["ok", "reset"], TOOLS),
        operation=np.repeat([f"tools/call:{letter}" for letter in "abcdefgh"[:TOOLS]], 2),
    )
)

PLACEBO = (
    # noise, the most of a hundred runs that may not recover at once
    ({"rate": 2.5, "sigma": 0.35}, 1),
    ({"rate": 2.5, "sigma": 1.0}, 2),
    ({"rate": 8, "sigma": 1.0}, 2),
    ({"rate": 50, "sigma": 0.5}, 1),
    ({"rate": 300, "sigma": 0.5}, 1),
    ({"rate": 50, "sigma": 0.5, "failing": 0.01}, 2),
    ({"rate": 8, "sigma": 0.5, "failing": 0.05}, 2),
    ({"rate": 50, "sigma": 0.5, "before_s": 5}, 2),
    ({"rate": 200, "sigma": 0.5, "drift": 0.1}, 1),
    ({"rate": 200, "sigma": 0.5, "drift": 0.2}, 5),
    ({"rate": 200, "sigma": 0.5, "spikes": 0.1}, 4),
    ({"rate": 8, "sigma": 0.5, "tools": 4}, 2),
    ({"rate": 40, "sigma": 1.0, "tools": 8}, 2),
    ({"rate": 200, "sigma": 0.5, "tools": 4}, 1),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "failing": 0.01}, 2),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "before_s": 5}, 2),
    ({"rate": 200, "sigma": 0.5, "tools": 8, "drift": 0.1}, 2),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "own_drift": 0.1}, 2),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "drift": 0.2}, 5),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "spikes": 0.1}, 4),
)

ONE_OF_TWO = {"tools": 2, "medians": (5.0, 5.0), "weights": (0.75, 0.25)}
SLOW_TOOL = {"hit": 1, "slow_ms": 195}
SLOW_SHARD = {"shard": 0.3, "slow_ms": 195}

POWER = (
    # noise, what stays wrong for good, the least of a hundred runs that see it, and that say not recovered
    ({"rate": 2.5, "sigma": 0.35}, {"slower": 11}, 100, 100),
    ({"rate": 2.5, "sigma": 0.35}, {"slower": 3}, 90, 80),
    ({"rate": 2.5, "sigma": 0.35}, {"failing_after": 1.0}, 100, 100),
    ({"rate": 8, "sigma": 0.5}, {"slower": 3}, 100, 95),
    ({"rate": 8, "sigma": 0.5}, {"failing_after": 0.3}, 90, 80),
    ({"rate": 50, "sigma": 0.5}, {"slower": 2}, 100, 95),
    ({"rate": 50, "sigma": 0.5}, {"failing_after": 0.05}, 85, 70),
    ({"rate": 200, "sigma": 0.5, "drift": 0.1}, {"slower": 2}, 95, 90),
    ({"rate": 200, "sigma": 0.5, "spikes": 0.1}, {"slower": 11}, 100, 100),
    ({"rate": 8, "sigma": 0.5, **ONE_OF_TWO}, SLOW_TOOL, 100, 100),
    ({"rate": 200, "sigma": 0.5, **ONE_OF_TWO}, SLOW_TOOL, 100, 100),
    ({"rate": 8, "sigma": 0.5, "tools": 4}, SLOW_SHARD, 90, 75),
    ({"rate": 20, "sigma": 0.5, "tools": 4}, SLOW_SHARD, 98, 95),
    ({"rate": 100, "sigma": 0.5}, SLOW_SHARD, 100, 100),
    ({"rate": 200, "sigma": 0.5, "tools": 4}, SLOW_SHARD, 100, 100),
    ({"rate": 200, "sigma": 0.5, "tools": 4, "spikes": 0.1}, SLOW_SHARD, 95, 95),
    ({"rate": 40, "sigma": 0.5, "tools": 4}, {"hit": 2, "slower": 3}, 100, 97),
    ({"rate": 40, "sigma": 0.5, "tools": 4}, {"hit": 2, "failing_after": 0.3}, 97, 95),
    ({"rate": 200, "sigma": 0.5, "tools": 4}, {"hit": 2, "slower": 2}, 100, 98),
)

FOUR_S = (
    # noise, what is wrong for four seconds, the least of a hundred runs that say four
    ({"rate": 50, "sigma": 0.5}, {"slow_ms": 195}, 97),
    ({"rate": 40, "sigma": 0.5, **ONE_OF_TWO}, SLOW_TOOL, 97),
    ({"rate": 40, "sigma": 0.5, "tools": 4}, SLOW_SHARD, 85),
    ({"rate": 200, "sigma": 0.5, "tools": 4}, SLOW_SHARD, 98),
)


def run(
    seed: int,
    *,
    rate: float,
    sigma: float,
    before_s: int = 30,
    tools: int = 1,
    medians: Sequence[float] = MEDIANS_MS,
    weights: Sequence[float] | None = None,
    failing: float = 0.0,
    drift: float = 0.0,
    spikes: float = 0.0,
    own_drift: float = 0.0,
    own_spikes: float = 0.0,
    slower: float = 1.0,
    slow_ms: float = 0.0,
    failing_after: float | None = None,
    hit: int | None = None,
    shard: float = 1.0,
    until_s: float = float("inf"),
) -> Recovery:
    """One run, and what is found of its recovery."""
    rng = np.random.default_rng([seed, 17])
    healed_s = before_s + 1 + FOR_S
    total_s = healed_s + AFTER_S
    at_s = np.sort(rng.uniform(0, total_s, rng.poisson(rate * total_s)))
    second, many = at_s.astype(int), len(at_s)
    pace = _pace(rng, total_s, drift, spikes)[second]
    tool = rng.choice(tools, many, p=weights) if tools > 1 else np.zeros(many, dtype=int)
    if own_drift or own_spikes:
        pace = (
            pace * np.array([_pace(rng, total_s, own_drift, own_spikes) for _ in range(tools)])[tool, second]
        )
    ms = np.array(medians)[tool] * rng.lognormal(0, sigma, many) * pace
    wrong = (at_s >= healed_s) & (at_s < healed_s + until_s) & (rng.random(many) < shard)
    wrong &= tool == hit if hit is not None else True
    ms = np.where(wrong, ms * slower + slow_ms, ms)
    share = np.where(wrong, failing if failing_after is None else failing_after, failing)
    intended = (at_s * S).astype(np.int64)
    calls = replace(
        EACH.take(2 * tool + (rng.random(many) < share)),
        intended_ns=intended,
        sent_ns=intended,
        done_ns=intended + (ms * MS).astype(np.int64),
    )
    step = Step(index=0, name="s", kind="sustain", users=5, rate=None, start_ns=0, end_ns=total_s * S)
    at_ns = {"on_ns": (before_s + 1) * S, "off_ns": healed_s * S, "healed_ns": healed_s * S}
    placebo = PlannedFault(name="placebo", kind="noop", link="client", healed=True, **at_ns)
    return recovery.measure(calls, placebo, [step], [placebo])


def _pace(rng: np.random.Generator, total_s: int, drift: float, spikes: float) -> Any:
    """How many times its median a call takes, by second."""
    walk = np.zeros(total_s)
    for place in range(1, total_s):
        walk[place] = 0.8 * walk[place - 1] + 0.6 * drift * rng.normal()
    return np.exp(walk) * np.where(rng.random(total_s) < spikes, 3.0, 1.0)


def _words(settings: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser(description="Recovery on simulated noise")
    parser.add_argument("--runs", type=int, default=300)
    runs = range(parser.parse_args().runs)
    cases = [
        *((noise, {}) for noise, _ in PLACEBO),
        *((noise, wrong) for noise, wrong, _, _ in POWER),
        *((noise, wrong | {"until_s": 4}) for noise, wrong, _ in FOUR_S),
    ]
    sys.stdout.write(f"of {len(runs)} runs  at once   late  after 4 s  not recovered\n")
    for noise, wrong in cases:
        found = Counter(_answer(run(seed, **noise, **wrong)) for seed in runs)
        counts = "".join(f"{found[name]:10d}" for name in ("at once", "late", "after 4 s", "not recovered"))
        after = f"   after healing: {_words(wrong)}" if wrong else ""
        sys.stdout.write(f"{counts}   {_words(noise)}{after}\n")
        sys.stdout.flush()


def _answer(found: Recovery) -> str:
    if found.outcome != "recovered":
        return found.outcome.replace("_", " ")
    return {0.0: "at once", 4.0: "after 4 s"}.get(found.recover_s or 0.0, "late")


if __name__ == "__main__":
    main()
