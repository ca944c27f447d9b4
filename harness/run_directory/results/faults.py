"""The results of each fault: what it touched, its effect on calls and sessions, and the resilience matrix."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from harness.run_directory.results.figures import Amount, Count, Latency, Number, Share

Taken = Literal["survived", "degraded", "broke", "not_exposed", "unknown"]
Recovered = Literal["recovered", "not_recovered", "unknown"]


class Exposed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a fault touched."""

    calls: Count
    connections: Count


class Phase(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls before, during or after a fault; null where there are too few."""

    success_rate: Share | None
    p50_ms: Number | None
    p95_ms: Number | None


class Storm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When many ask for a session at once."""

    asked: Count
    peak_per_s: Count
    lasted_s: Amount


class SessionsFound(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of the sessions that a fault found."""

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
    """One fault, and what it did."""

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
    resolution_s: Annotated[Number | None, Meta(description="How exact recover_s is")]
    sessions_lost: Count
    sessions: SessionsFound | None
    did: Annotated[
        dict[str, Count] | None,
        Meta(description="What the fault did itself, and what came of it, counted: rude clients"),
    ]
    operations: Annotated[
        tuple[FaultOperation, ...],
        Meta(description="Each operation of the load by itself, the most frequent first"),
    ]


class RowWork(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Acknowledged work that is gone, or there twice."""

    missing: Count
    duplicated: Count


class MatrixRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault, or those that were on at once, in one word."""

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
    """What it is called, and what was seen."""

    name: str
    seen: str


class Matrix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the service took each fault, and the weaknesses by name."""

    rows: tuple[MatrixRow, ...]
    weaknesses: tuple[Weakness, ...]
