"""Load profiles as levels that are held one after the other: a literal registry of pure functions.

    ramp    |   __--      sustain, rate   |-----     steps   |-  _      spike   |  _        soak   |-|-|-|-|
            |__--         sessions, bench |                  | -- -             |--|-----          | the same, in parts

What a profile does not know: when it begins, and what happens when a level breaks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from harness.foundation.errors import UsageError
from harness.scenario.load import Bench, CapacitySearch, OpenLoad, Ramp, Sessions, Soak, Spike, Steps, Sustain
from harness.scenario.quantities import Rate

SETTLE_SHARE: Final = 0.2
SETTLE_S_MAX: Final = 2.0
USERS_STEP: Final = 5
RATE_STEPS: Final = 10
STEPS_MOST: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLevel:
    """One level and how long it is held; with `requests` it ends after so many calls instead."""

    size: int | Rate | Literal["last_good"]
    hold_s: float = 0.0
    settle_s: float = 0.0
    rest_s: float = 0.0
    requests: int | None = None


def too_many(steps: int) -> UsageError:
    """The error for a load with too many steps."""
    return UsageError(
        f"The load has {steps:,} steps",
        f"{STEPS_MOST:,} are the most",
        "Give its ramp a larger step, or fewer entries",
    )


def settle_s(hold_s: float) -> float:
    """The settling time of a step in seconds; after it, the step is measured."""
    return min(hold_s * SETTLE_SHARE, SETTLE_S_MAX)


def levels(load: Ramp) -> list[int | Rate]:
    """The levels of a ramp; the last is always the maximum."""
    if isinstance(load.to, Rate):
        step = load.step.per_s if isinstance(load.step, Rate) else load.to.per_s / RATE_STEPS
        steps = int(load.to.per_s / step * (1 - 1e-9))
        if steps >= STEPS_MOST:
            raise too_many(steps + 1)
        return [*(Rate(step * number) for number in range(1, steps + 1)), load.to]
    by = load.step if isinstance(load.step, int) else USERS_STEP
    return [*range(by, load.to, by), load.to]


def _held(
    size: int | Rate | Literal["last_good"], hold_s: float, rest_s: float = 0.0, each: int | None = None
) -> HeldLevel:
    if each is not None and isinstance(size, int):
        return HeldLevel(size=size, hold_s=hold_s, rest_s=rest_s, requests=size * each)
    return HeldLevel(size=size, hold_s=hold_s, settle_s=settle_s(hold_s), rest_s=rest_s)


def _ramp(load: Ramp) -> Iterator[HeldLevel]:
    return (_held(size, load.hold, load.rest, load.requests_per_user) for size in levels(load))


def _steps(load: Steps) -> Iterator[HeldLevel]:
    return (_held(size, load.hold, load.rest, load.requests_per_user) for size in load.levels)


def _sustain(load: Sustain) -> Iterator[HeldLevel]:
    yield _held(load.users, load.for_)


def _open(load: OpenLoad | Sessions) -> Iterator[HeldLevel]:
    yield _held(load.rate, load.for_)


def _spike(load: Spike) -> Iterator[HeldLevel]:
    """The three levels of a spike; peak and return have no settling time, because the change is measured."""
    yield _held(load.base, load.before)
    yield HeldLevel(size=load.peak, hold_s=load.hold)
    yield HeldLevel(size=load.base, hold_s=load.after)


def _soak(load: Soak) -> Iterator[HeldLevel]:
    part_s = load.for_ / load.parts
    yield _held(load.level, part_s)
    yield from (HeldLevel(size=load.level, hold_s=part_s) for _ in range(load.parts - 1))


def _bench(load: Bench) -> Iterator[HeldLevel]:
    yield HeldLevel(size=load.users, requests=load.requests)


def _capacity(load: CapacitySearch) -> Iterator[HeldLevel]:
    """One entry for the whole search: its levels are decided on the way."""
    yield HeldLevel(size=load.to, hold_s=load.within)


PROFILES: Final[dict[str, Callable[[Any], Iterator[HeldLevel]]]] = {
    "ramp": _ramp,
    "sustain": _sustain,
    "rate": _open,
    "sessions": _open,
    "steps": _steps,
    "spike": _spike,
    "soak": _soak,
    "bench": _bench,
    "capacity": _capacity,
}
