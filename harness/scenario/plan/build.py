"""Build the plan of a scenario. Pure: the same scenario and seed give the same plan."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.units import show_duration
from harness.scenario.catalogue import where
from harness.scenario.fault import FaultSpec
from harness.scenario.load import CapacitySearch, Load, Ramp
from harness.scenario.model import Scenario
from harness.scenario.objectives import parse, parse_abort
from harness.scenario.plan.plan import WARM_UP, Arrivals, FaultStep, LoadStep, Plan, Retried
from harness.scenario.plan.profiles import PROFILES, STEPS_MOST, HeldLevel, too_many
from harness.scenario.plan.search import Search
from harness.scenario.quantities import Rate

UNDISTURBED: Final = ("ramp", "capacity")  # their levels are judged one against the other
NOUNS: Final = {"capacity": "search"}


def build(scenario: Scenario) -> Plan:
    """The timeline of a scenario."""
    steps: list[LoadStep] = []
    at_s = scenario.warm_up
    for phase, name in zip(scenario.load, scenario.phase_names(), strict=True):
        for held in PROFILES[phase.kind](phase.load):
            step = _step(phase.load, held, index=len(steps), phase=name, kind=phase.kind, starts_s=at_s)
            steps.append(step)
            if len(steps) > STEPS_MOST:
                raise too_many(len(steps))
            at_s = step.ends_s + step.rest_s
    faults = tuple(_fault(fault, steps) for fault in scenario.faults)
    _check_faults(faults, steps)
    return Plan(
        scenario=scenario.name,
        seed=scenario.seed,
        steps=tuple(steps),
        faults=faults,
        warm_up=_warm_up(steps[0], scenario.warm_up) if scenario.warm_up else None,
        abort=tuple(map(parse_abort, scenario.abort)),
        retries=_retries(scenario),
        calls_per_connection=scenario.calls_per_connection,
        clients=tuple(str(name) for name, weight in scenario.clients.items() if weight),
        thinks=_thinks(scenario),
        work=_work(scenario),
        matrix=scenario.matrix,
        not_applicable={why: tuple(rows) for why, rows in scenario.not_applicable.items()},
    )


def _thinks(scenario: Scenario) -> bool | None:
    """Whether users pause; of a server of somebody else's, about which nothing more was said, that depends on its tools."""
    target = scenario.target
    foreign = target.url or target.command or target.is_stdio
    if scenario.think is None and foreign and not scenario.workload and scenario.call_all is None:
        return None
    return scenario.think is not False


def _work(scenario: Scenario) -> str:
    """The entries that are written and counted, as words."""
    work = scenario.work
    if work is None:
        return ""
    return f"{work.write.call} writes {work.rate:,.6g} entries a second, {work.read.call} reads them back at the end"


def _retries(scenario: Scenario) -> Retried | None:
    asked = scenario.retries
    if asked is None:
        return None
    return Retried(
        attempts=asked.attempts,
        backoff_s_first=asked.backoff.first_s,
        backoff_s_most=asked.backoff.most_s,
        budget=asked.budget,
    )


def _step(load: Load, held: HeldLevel, **where: Any) -> LoadStep:
    step = LoadStep(
        **where,
        hold_s=held.hold_s,
        settle_s=held.settle_s,
        rest_s=held.rest_s,
        requests=held.requests,
        interval_s=getattr(load, "interval", None),
    )
    if isinstance(load, Ramp):
        marked = tuple(load.break_unless)
        step = replace(step, break_below=load.break_below, break_unless=marked, confirm=load.confirm)
    if isinstance(load, CapacitySearch):
        step = replace(step, search=_search(load))
    if isinstance(held.size, Rate):
        return replace(step, arrivals=_arrivals(load, held.size))
    return replace(step, users=held.size)


def _search(load: CapacitySearch) -> Search:
    first = load.first if load.first is not None else Rate(10.0) if isinstance(load.to, Rate) else 1
    first_size, most = (size.per_s if isinstance(size, Rate) else float(size) for size in (first, load.to))
    return Search(
        objectives=tuple(dict.fromkeys(parse(text).text for text in load.objectives)),
        first=min(first_size, most),
        most=most,
        within_s=load.within,
        precision=load.precision,
        whole=not isinstance(load.to, Rate),
    )


def _arrivals(load: Load, rate: Rate) -> Arrivals:
    given = {"kind": "arrivals", "max_users": "max_users", "queue": "queue", "calls": "calls"}
    options = {name: getattr(load, key, None) for name, key in given.items()}
    return Arrivals(
        rate_per_s=rate.per_s, **{name: value for name, value in options.items() if value is not None}
    )


def _warm_up(first: LoadStep, for_s: float) -> LoadStep:
    """The load of the first step as a warm-up: it lasts a time and is not measured."""
    return replace(first, kind=WARM_UP, starts_s=0.0, hold_s=for_s, settle_s=0.0, rest_s=0.0, requests=None)


def _fault(fault: FaultSpec, steps: Sequence[LoadStep]) -> FaultStep:
    began_s = next((step.starts_s for step in steps if step.phase == fault.step), 0.0)
    return FaultStep(
        name=fault.name,
        kind=fault.kind,
        link=fault.link,
        step=fault.step,
        offset_s=fault.offset_s,
        starts_s=began_s + fault.offset_s,
        for_s=fault.for_s,
        parameters=fault.parameters,
    )


def _check_faults(faults: Sequence[FaultStep], steps: Sequence[LoadStep]) -> None:
    """Check that faults lie inside the load, outside ramps, and never two at once in one place."""
    ends_s = max(step.ends_s for step in steps)
    for fault in faults:
        lasting = f"{show_duration(fault.starts_s)} to {show_duration(fault.ends_s)}"
        if fault.ends_s > ends_s:
            raise UsageError(
                f"The fault {fault.name} goes on after the load has ended",
                f"It lasts from {lasting}, the load ends at {show_duration(ends_s)}",
                "Begin it earlier, shorten it, or hold the load for longer",
            )
        for step in steps:
            if step.kind in UNDISTURBED and fault.starts_s < step.ends_s and step.starts_s < fault.ends_s:
                raise UsageError(
                    f"The fault {fault.name} falls into the {NOUNS.get(step.kind, step.kind)} {step.phase}",
                    f"It lasts from {lasting}, and would falsify what it finds",
                    "Anchor it to a sustained step: at: STEP+10s",
                )
    for one, other in combinations(sorted(faults, key=lambda fault: fault.starts_s), 2):
        if one.link == other.link and other.starts_s < one.ends_s:
            raise UsageError(
                f"The faults {one.name} and {other.name} overlap on {where(one.link)}",
                f"{other.name} begins at {show_duration(other.starts_s)}, {one.name} ends at {show_duration(one.ends_s)}",
                "Let one end before the other begins",
            )
