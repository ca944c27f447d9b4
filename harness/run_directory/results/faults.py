"""The results of each fault: what it touched, its effect on calls and sessions, and the resilience matrix."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from harness.run_directory.results.figures import Amount, Count, Latency, Number, Share

Taken = Literal["survived", "degraded", "broke", "not_exposed", "unknown"]
Recovered = Literal["recovered", "not_recovered", "unknown"]


class Exposed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The calls and connections that a fault touched."""

    calls: Count
    connections: Count


class Phase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls before, during or after a fault; null where there are too few."""

    success_rate: Share | None
    p50_ms: Number | None
    p95_ms: Number | None


class Storm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sessions that were reopened after a fault: how many, how fast, and for how long."""

    asked: Count
    peak_per_s: Count
    lasted_s: Amount


class SessionsFound(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sessions that were open when a fault began, and what became of them."""

    present: Count
    survived: Count
    lost: Count
    reopened: Count
    storm: Storm | None


class FaultOperation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operation of the load around a fault."""

    operation: str
    before: Phase
    during: Phase
    after: Phase
    recovery: Recovered
    recover_s: Number | None


class FaultResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault and its effect."""

    name: str
    kind: str
    link: str
    start_s: Number | None
    end_s: Number | None
    verified: bool
    exposed: Exposed
    healed: bool | None
    success_rate: Share | None
    latency_ms: Latency
    recover_s: Number | None
    resolution_s: Annotated[Number | None, Meta(description="The resolution of recover_s in seconds")]
    sessions_lost: Count
    sessions: SessionsFound | None
    did: Annotated[
        dict[str, Count] | None,
        Meta(description="Counts of what rude clients did, and how the server reacted"),
    ]
    operations: Annotated[
        tuple[FaultOperation, ...],
        Meta(description="Each operation of the load separately, the most frequent first"),
    ]


class RowWork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acknowledged entries that are missing, or stored twice."""

    missing: Count
    duplicated: Count


class MatrixRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: a fault, or faults that were on at once, and the word for the result."""

    name: str
    faults: tuple[str, ...]
    outcome: Taken
    why: str
    calls: Count
    before: Phase
    during: Phase
    after: Phase
    recover_s: Number | None
    sessions_lost: Count
    work: RowWork | None


class Weakness(Struct, frozen=True, forbid_unknown_fields=True):
    """A weakness by name, and the observation that shows it."""

    name: str
    seen: str


class NotApplicable(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows that cannot apply to this target, and why."""

    rows: tuple[str, ...]
    why: str


class Matrix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The resilience matrix: the result of each fault, and the weaknesses that were recognised."""

    rows: tuple[MatrixRow, ...]
    weaknesses: tuple[Weakness, ...]
    not_applicable: tuple[NotApplicable, ...] = ()
