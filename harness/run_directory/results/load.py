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
            description="how long its measured part began slower than it went on; null: it did not, or too few calls to tell"
        ),
    ]


class BreakingPoint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it broke, and how high it was still good (null: the first level broke). Of a ramp of a rate the sizes are rates."""

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
    """Where the peak lies."""

    users: Interval
    rps: Interval


class Capacity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The peak of the fitted curve."""

    model: Literal["usl"]
    peak_users: Count
    peak_rps: Number
    interval: CapacityInterval


class Knee(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The level beyond which more users only wait longer, and how latency and goodput changed from there to the highest."""

    users: Several
    quantile: Literal["p95", "p50"]
    ms: Number
    rps: Number
    last_users: Several
    last_ms: Number
    last_rps: Number
    one_at_a_time: bool  # the server is a plain queue: as many calls a second for one user as for all
