"""The plan: every step of a run with the times that can be known beforehand. Pure values, printable.

A step is asked for, its users come to run, a settling time passes, then it is measured:

    asked   running   settled                       done      judged
      |--------|---------|=== measured: the hold ====|--rest----|
      0        ~0        settle_s                 hold_s

`hold_s` counts from the moment all users run, the settling time is a part of it (a fifth, at most 2 s).
The same numbers are held by tests/plan/test_build.py.

A ramp may end early (a level breaks) and a level may be repeated (to confirm), so a plan's times are the
times of a run in which neither happens.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

LAST_GOOD = "last_good"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """One level of load, held."""

    index: int
    phase: str
    kind: Literal["ramp", "confirm", "sustain"]
    users: int | Literal["last_good"]
    starts_s: float
    hold_s: float
    settle_s: float
    rest_s: float = 0.0
    break_below: float | None = None
    confirm: bool = False
    requests_per_user: int | None = None

    @property
    def ends_s(self) -> float:
        return self.starts_s + self.hold_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStep:
    """One fault, applied at `starts_s` for `for_s`; with a step it moves with the step's real start."""

    name: str
    kind: str
    link: str
    step: str | None
    offset_s: float
    starts_s: float
    for_s: float
    parameters: dict[str, float | str]

    @property
    def ends_s(self) -> float:
        return self.starts_s + self.for_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A scenario on one clock."""

    scenario: str
    seed: int
    steps: tuple[LoadStep, ...]
    faults: tuple[FaultStep, ...] = ()

    @property
    def duration_s(self) -> float:
        return max((step.ends_s + step.rest_s for step in self.steps), default=0.0)

    @property
    def max_users(self) -> int:
        return max((step.users for step in self.steps if isinstance(step.users, int)), default=0)

    def as_json(self) -> dict[str, Any]:
        return {"schema": 1, "duration_s": self.duration_s, **asdict(self)}
