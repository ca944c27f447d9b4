"""The plan: every step of a run with the times that can be known beforehand. Pure values, printable.

A step is asked for, its users come to run, a settling time passes, then it is measured:

    asked   running   settled                       done      judged
      |--------|---------|=== measured: the hold ====|--rest----|
      0        ~0        settle_s                 hold_s

`hold_s` counts from the moment all users run, the settling time is a part of it (a fifth, at most 2 s).
The same numbers are held by tests/scenario/plan/test_build.py. A step by count has `requests` instead: it is measured from its
first call to the answer of its last. A warm-up comes before the first step, and is measured by nobody.

A ramp may end early (a level breaks) and a level may be repeated (to confirm, at most six times), so a plan's times are the
times of a run in which neither happens.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from harness.scenario.objectives import AbortRule
from harness.scenario.plan.search import Search

LAST_GOOD = "last_good"
WARM_UP = "warm-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Open load at one rate: what arrives goes to any free session of a pool that grows to `max_users`.

    When none is free it waits, with `queue` others at most. An arrival is one call; with `calls` it is a session
    that makes so many.
    """

    rate_per_s: float
    kind: Literal["constant", "poisson"] = "constant"
    max_users: int = 1000
    queue: int = 1000
    calls: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """One level of load, held: of users, or of arrivals."""

    index: int
    phase: str
    kind: str  # of harness.scenario.catalogue.PROFILES; or `confirm`, or `warm-up`
    users: int | Literal["last_good"] | None = None
    arrivals: Arrivals | None = None
    starts_s: float
    hold_s: float
    settle_s: float
    rest_s: float = 0.0
    break_below: float | None = None
    break_unless: tuple[str, ...] = ()
    confirm: bool = False
    requests: int | None = None
    interval_s: float | None = None
    search: Search | None = None  # its levels are decided on the way

    @property
    def ends_s(self) -> float:
        return self.starts_s + self.hold_s

    @property
    def rate_per_s(self) -> float | None:
        return self.arrivals.rate_per_s if self.arrivals else None


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
class Retried:
    """How clients retry a call; `budget` is the part of a retry that a call earns, None without a limit."""

    attempts: int
    backoff_s_first: float
    backoff_s_most: float
    budget: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A scenario on one clock."""

    scenario: str
    seed: int
    steps: tuple[LoadStep, ...]
    faults: tuple[FaultStep, ...] = ()
    warm_up: LoadStep | None = None
    abort: tuple[AbortRule, ...] = ()
    retries: Retried | None = None
    calls_per_connection: int | None = None
    clients: tuple[str, ...] = ()  # presets, where they were asked for
    thinks: bool | None = True  # users pause between calls; None: the run decides, when it knows the server
    work: str = ""  # what is written and counted beside the load
    matrix: bool = False  # each load step with its faults is a row of a resilience matrix
    not_applicable: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # rows that it lacks, by the reason

    @property
    def duration_s(self) -> float:
        return max((step.ends_s + step.rest_s for step in self.steps), default=0.0)

    @property
    def max_users(self) -> int:
        return max((step.users for step in self.steps if isinstance(step.users, int)), default=0)

    @property
    def max_rate_per_s(self) -> float:
        return max((step.arrivals.rate_per_s for step in self.steps if step.arrivals), default=0.0)

    def as_json(self) -> dict[str, Any]:
        return {"schema": 1, "duration_s": self.duration_s, **asdict(self)}
