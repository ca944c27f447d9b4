"""Scenario to plan: levels of a ramp, times, settling. Pure: the same scenario and seed give the same plan."""

from collections.abc import Iterator

from harness.plan.plan import LoadStep, Plan
from harness.scenario.model import Phase, Ramp, Scenario, Sustain

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
    return Plan(scenario=scenario.name, seed=scenario.seed, steps=tuple(steps))


def levels(ramp: Ramp) -> list[int]:
    """The numbers of users a ramp goes through; the last is the maximum, whatever the step."""
    return [*range(ramp.step, ramp.to, ramp.step), ramp.to]


def settle_s(hold_s: float) -> float:
    """How long a step settles before it is measured."""
    return min(hold_s * SETTLE_SHARE, SETTLE_S_MAX)


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
