"""Scenario to plan: levels of a ramp, times, settling. Pure: the same scenario and seed give the same plan."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from harness.catalogue import where
from harness.errors import UsageError
from harness.plan.plan import FaultStep, LoadStep, Plan
from harness.scenario.fault import Fault
from harness.scenario.model import Phase, Ramp, Scenario, Sustain
from harness.units import show_duration

SETTLE_SHARE = 0.2
SETTLE_S_MAX = 2.0


def build(scenario: Scenario) -> Plan:
    """The timeline of a scenario."""
    steps: list[LoadStep] = []
    at_s = 0.0
    for phase, name in zip(scenario.load, scenario.phase_names(), strict=True):
        for step in _steps(phase, name, len(steps), at_s):
            steps.append(step)
            at_s = step.ends_s + step.rest_s
    faults = tuple(_fault(fault, steps) for fault in scenario.faults)
    _check_faults(faults, steps)
    return Plan(scenario=scenario.name, seed=scenario.seed, steps=tuple(steps), faults=faults)


def levels(ramp: Ramp) -> list[int]:
    """The numbers of users a ramp goes through; the last is the maximum, whatever the step."""
    return [*range(ramp.step, ramp.to, ramp.step), ramp.to]


def settle_s(hold_s: float) -> float:
    """How long a step settles before it is measured."""
    return min(hold_s * SETTLE_SHARE, SETTLE_S_MAX)


def _fault(fault: Fault, steps: Sequence[LoadStep]) -> FaultStep:
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
    """Inside the load, outside ramps, one at a time on a link."""
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
            if step.kind == "ramp" and fault.starts_s < step.ends_s and step.starts_s < fault.ends_s:
                raise UsageError(
                    f"The fault {fault.name} falls into the ramp {step.phase}",
                    f"It lasts from {lasting}, and would spoil the breaking point",
                    "Anchor it to a sustained step: at: STEP+10s",
                )
    for one, other in combinations(sorted(faults, key=lambda fault: fault.starts_s), 2):
        if one.link == other.link and other.starts_s < one.ends_s:
            raise UsageError(
                f"The faults {one.name} and {other.name} overlap on {where(one.link)}",
                f"{other.name} begins at {show_duration(other.starts_s)}, {one.name} ends at {show_duration(one.ends_s)}",
                "Give each fault of a link a time of its own",
            )


def _steps(phase: Phase, name: str, index: int, at_s: float) -> Iterator[LoadStep]:
    if phase.ramp is not None:
        yield from _ramp(phase.ramp, name, index, at_s)
    if phase.sustain is not None:
        yield _sustain(phase.sustain, name, index, at_s)


def _ramp(ramp: Ramp, name: str, index: int, at_s: float) -> Iterator[LoadStep]:
    for number, users in enumerate(levels(ramp)):
        yield LoadStep(
            index=index + number,
            phase=name,
            kind="ramp",
            users=users,
            starts_s=at_s + number * (ramp.hold + ramp.rest),
            hold_s=ramp.hold,
            settle_s=settle_s(ramp.hold),
            rest_s=ramp.rest,
            break_below=ramp.break_below,
            confirm=ramp.confirm,
            requests_per_user=ramp.requests_per_user,
        )


def _sustain(sustain: Sustain, name: str, index: int, at_s: float) -> LoadStep:
    return LoadStep(
        index=index,
        phase=name,
        kind="sustain",
        users=sustain.users,
        starts_s=at_s,
        hold_s=sustain.for_,
        settle_s=settle_s(sustain.for_),
    )
