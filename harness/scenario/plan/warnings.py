"""Warn before the run about what this plan will not be able to show.

Recovery is compared with the time before the fault, and needs time after it: see docs/measurement.md.
A fault that touches no call makes the run unknown; in a matrix, only its row says so.
"""

import math
from collections.abc import Iterator
from typing import Final

from harness.foundation.units import show_duration
from harness.scenario.catalogue import CLIENTS, FAULTS, is_behind, where
from harness.scenario.plan.plan import FaultStep, LoadStep, Plan

BEFORE_S: Final = 8.0  # five good seconds for the band, after a settling time and a second of applying
PAUSE_S: Final = 2.0  # of most users, on average
CALLS_LEAST: Final = 20  # ten of them above the median
AFTER_S: Final = 3.0  # three seconds in a row are a recovery


def warnings(plan: Plan) -> list[str]:
    """One sentence for each warning."""
    tight = [text for fault in plan.faults for text in _too_tight(fault, plan.steps)]
    unmet = [] if plan.matrix else [text for fault in plan.faults for text in _unmet(fault, plan)]
    return [*tight, *unmet, *_unbounded(plan), *_too_short(plan), *_too_few(plan)]


def _too_few(plan: Plan) -> Iterator[str]:
    """Warn of steps, and rows of a matrix, in which users who pause make too few calls for a median."""
    if not plan.thinks or plan.clients:
        return
    for name, measured_s, step in _spans(plan):
        users = step.users
        if not isinstance(users, int) or users * measured_s / PAUSE_S >= CALLS_LEAST:
            continue
        least_s = CALLS_LEAST * PAUSE_S / users + (0.0 if plan.matrix else step.settle_s)
        yield (
            f"{name} will have about {users * measured_s / PAUSE_S:.0f} calls, as users pause about {show_duration(PAUSE_S)} "
            f"before each, and a median needs {CALLS_LEAST}: give --no-think, more users, or --for {show_duration(math.ceil(least_s))}"
        )


def _spans(plan: Plan) -> Iterator[tuple[str, float, LoadStep]]:
    """What figures are taken of: rows of a matrix, else steps; how long, and under which load."""
    if not plan.matrix:
        yield from (
            (step.phase, step.hold_s - step.settle_s, step) for step in plan.steps if not step.requests
        )
        return
    for fault in plan.faults:
        step = next((one for one in plan.steps if one.starts_s <= fault.starts_s < one.ends_s), None)
        if step is not None and fault.for_s:
            yield fault.name, fault.for_s, step


def _too_short(plan: Plan) -> Iterator[str]:
    """Warn of clients that are quiet for longer than any load step."""
    longest_s = max((step.hold_s for step in plan.steps), default=0.0)
    for name in plan.clients:
        if CLIENTS[name].idle_s > longest_s:
            yield (
                f"The clients {name} are quiet for {show_duration(CLIENTS[name].idle_s)}, and no load step is longer than "
                f"{show_duration(longest_s)}: what becomes of their streams will not be seen"
            )


def _unmet(fault: FaultStep, plan: Plan) -> Iterator[str]:
    """Warn of a fault that acts on new connections only, when the load opens none."""
    if FAULTS[fault.kind].exposes != "new":
        return
    acts = f"The fault {fault.name} acts on new connections only, and"
    if is_behind(fault.link):
        yield f"{acts} when the target opens connections on {where(fault.link)} is unknown, so the fault may touch no call"
    elif plan.calls_per_connection is None and not any(step.arrivals for step in plan.steps):
        yield f"{acts} users keep their connections open, so it may touch no call; --calls-per-connection 20 makes them open new ones"


def _unbounded(plan: Plan) -> Iterator[str]:
    if plan.retries is not None and plan.retries.budget is None:
        yield (
            f"Clients retry without a retry budget: a failing server gets up to {plan.retries.attempts} times its load, "
            "and may never recover"
        )


def _too_tight(fault: FaultStep, steps: tuple[LoadStep, ...]) -> Iterator[str]:
    step = next((one for one in steps if one.starts_s <= fault.starts_s < one.ends_s), None)
    before_s = fault.starts_s - step.starts_s if step else 0.0
    if before_s < BEFORE_S:
        yield (
            f"The fault {fault.name} begins {show_duration(before_s)} after its load step: to measure recovery, "
            f"{show_duration(BEFORE_S)} of load are needed before a fault (at={show_duration(BEFORE_S)})"
        )
    last = next((one for one in steps if one.starts_s < fault.ends_s <= one.ends_s), None)
    after_s = last.ends_s - fault.ends_s if last else 0.0
    if after_s < AFTER_S:
        yield (
            f"The fault {fault.name} ends {show_duration(after_s)} before its load step: to measure recovery, "
            f"{show_duration(AFTER_S)} of load are needed after a fault (hold the load for {show_duration(AFTER_S - after_s)} longer)"
        )
