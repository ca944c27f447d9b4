"""The results of each level of load, and those of all levels together: breaking point, capacity, knee."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from harness.run_directory.results.figures import Count, Interval, Latency, Number, Several, Share


class StepResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One level of load, measured."""

    index: Count
    kind: str
    users: int | None
    rate: Number | None
    start_s: Number
    end_s: Number
    requests: Count
    ok: Count
    failed: Count
    not_sent: int | None
    success_rate: Share | None
    throughput_rps: Number | None
    offered_rps: Number | None
    latency_ms: Latency
    warming_up_s: Annotated[
        Number | None,
        Meta(
            description="how long calls were slower at the start of the measured part (warm-up); null: they were not, or too few calls to tell"
        ),
    ]


class BreakingPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first level that broke, and the last good level before it (null: the first level broke). In a ramp of a rate, levels are rates."""

    users: Count | None
    last_good_users: int | None
    reason: str | None
    confirmed: bool | None
    rate: Number | UnsetType | None = UNSET
    last_good_rate: Number | UnsetType | None = UNSET

    @property
    def at_rate(self) -> float | None:
        return None if self.rate is UNSET else self.rate

    @property
    def good_rate(self) -> float | None:
        return None if self.last_good_rate is UNSET else self.last_good_rate


class CapacityInterval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """95 % intervals of the peak."""

    users: Interval
    rps: Interval


class Capacity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The peak of the fitted curve."""

    model: Literal["usl"]
    peak_users: Count
    peak_rps: Number
    interval: CapacityInterval


class Knee(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The level beyond which more users only wait longer, with latency and goodput there and at the highest level."""

    users: Several
    quantile: Literal["p95", "p50"]
    ms: Number
    rps: Number
    last_users: Several
    last_ms: Number
    last_rps: Number
    one_at_a_time: bool  # the server is a plain queue: as many calls a second for one user as for all


class TrialMark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One objective in one trial: the share of calls that was bad by it (slower, failed, not sent), and what is allowed.
    Of a mean 0 or 1: it held, or not."""

    bad: Share
    allowed: Share


class CapacityTrial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One trial of a search for capacity: a step (`index`), and whether all objectives held in it."""

    index: Count
    load: Number
    calls: Count
    held: bool
    marks: tuple[TrialMark, ...]
    untrusted: str | None


class FoundCapacity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest load at which all objectives hold, with a 90 % interval, and what gives way beyond it."""

    step: str
    unit: Literal["users", "per_s"]
    objectives: tuple[str, ...]
    word: Literal["found", "at_least", "below", "unknown"]
    value: Number | None
    interval: Interval | None
    limited_by: str | None
    why: str
    trials: tuple[CapacityTrial, ...]
