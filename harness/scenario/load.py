"""Kinds of load as frozen values: each entry of a scenario's `load` is a name and one of these.

A size decides what kind of load it is: users (`50`) make closed load, each thinks, calls, waits; a rate (`500/s`)
makes open load, calls arrive whether or not the server keeps up. Only open load has `arrivals` (evenly spaced, or
at random), a pool of `max_users` sessions that it grows to, and a `queue` for arrivals that find none free.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.scenario.catalogue import METRICS, PROFILES
from harness.scenario.objectives import parse
from harness.scenario.quantities import (
    STRICT,
    Count,
    Duration,
    For,
    Interval,
    Name,
    PerSecond,
    PositiveDuration,
    Share,
    Size,
    Users,
)  # fmt: skip

INTERVAL_S = 10.0
Arrivals = Literal["constant", "poisson"]
Queue = Annotated[int, Field(ge=0)]


def _bound(text: str) -> str:
    parsed = parse(text)
    if parsed.scope or parsed.operation:
        raise ValueError(f"{text!r}: a level is judged as a whole; leave out what follows the value")
    if not METRICS[parsed.metric].scoped:
        raise ValueError(f"{text!r}: {parsed.metric} is not measured for a single level")
    return text


Bound = Annotated[str, AfterValidator(_bound)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Load that rises in steps until the success rate, or a bound in `break_unless`, is missed.

    A step lasts `hold`, or, with `requests_per_user`, until so many calls for each user have been answered.
    """

    __pydantic_config__ = STRICT
    to: Size
    step: Size | None = None  # 5 users, or a tenth of the rate
    hold: PositiveDuration = 10.0
    break_below: Share = 0.95
    break_unless: list[Bound] = field(default_factory=list)
    rest: Duration = 0.0
    confirm: bool = True
    requests_per_user: Count | None = None
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustain:
    """Closed load at one level; `last_good` is the highest level a ramp before it passed."""

    __pydantic_config__ = STRICT
    users: Users | Literal["last_good"]
    for_: For
    interval: Interval = INTERVAL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoad:
    """Open load at one rate."""

    __pydantic_config__ = STRICT
    rate: PerSecond
    for_: For
    interval: Interval = INTERVAL_S
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Open load of sessions: they arrive at a rate, make `calls` calls each, and end."""

    __pydantic_config__ = STRICT
    rate: PerSecond
    calls: Count
    for_: For
    interval: Interval = INTERVAL_S
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Several levels, in the order given."""

    __pydantic_config__ = STRICT
    levels: Annotated[list[Size], Field(min_length=1)]
    hold: PositiveDuration = 10.0
    rest: Duration = 0.0
    requests_per_user: Count | None = None
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """A level, suddenly a much higher one, and the first again: does it come back?"""

    __pydantic_config__ = STRICT
    base: Size
    peak: Size
    before: PositiveDuration = 30.0
    hold: PositiveDuration = 10.0
    after: PositiveDuration = 30.0
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """One level for long, measured in parts of equal length, so that a drift shows from row to row."""

    __pydantic_config__ = STRICT
    level: Size
    for_: For
    parts: Annotated[int, Field(ge=1, le=1000)] = 10
    interval: Interval = INTERVAL_S
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A fixed number of calls, with at most `users` of them in flight."""

    __pydantic_config__ = STRICT
    requests: Count
    users: Users


def _worsens(text: str) -> str:
    """Check that more load can only make it worse, and that a share of calls decides it."""
    parsed = parse(_bound(text))
    wanted = {"ms": ("<", "<="), "share": (">", ">=")}
    if parsed.metric == "max" or parsed.op not in wanted.get(METRICS[parsed.metric].unit, ()):
        raise ValueError(
            f"{text!r}: a search for capacity is for a percentile or mean below a bound, or success_rate above one"
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitySearch:
    """A search for the largest load at which all objectives hold: users, or a rate, as `to` says."""

    __pydantic_config__ = STRICT
    objectives: Annotated[list[Annotated[str, AfterValidator(_worsens)]], Field(min_length=1)]
    to: Size = 10_000
    first: Size | None = None  # 1 user, or 10/s
    within: PositiveDuration = 180.0
    precision: Share = 0.05
    arrivals: Arrivals | None = None
    max_users: Users | None = None
    queue: Queue | None = None


Load = Ramp | Sustain | OpenLoad | Sessions | Steps | Spike | Soak | Bench | CapacitySearch


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One entry of `load`: a name and exactly one kind of load (harness.scenario.catalogue.PROFILES)."""

    __pydantic_config__ = STRICT
    name: Name | None = None
    ramp: Ramp | None = None
    sustain: Sustain | None = None
    rate: OpenLoad | None = None
    sessions: Sessions | None = None
    steps: Steps | None = None
    spike: Spike | None = None
    soak: Soak | None = None
    bench: Bench | None = None
    capacity: CapacitySearch | None = None

    @property
    def loads(self) -> dict[str, Load]:
        """The given loads by kind; exactly one, once the phase has been checked."""
        given = {kind: getattr(self, kind) for kind in PROFILES}
        return {kind: load for kind, load in given.items() if load is not None}

    @property
    def kind(self) -> str:
        return next(iter(self.loads))

    @property
    def load(self) -> Load:
        return self.loads[self.kind]
