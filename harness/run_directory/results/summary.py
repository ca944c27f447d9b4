"""The whole result of a run, judged: summary.json, schema 1."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from harness.foundation.errors import PRECEDENCE
from harness.run_directory.results.faults import FaultResult, Matrix
from harness.run_directory.results.figures import Amount, Intervals, Latency, Number
from harness.run_directory.results.health import GeneratorHealth
from harness.run_directory.results.load import BreakingPoint, Capacity, FoundCapacity, Knee, StepResult
from harness.run_directory.results.totals import (
    Authorization,
    Covered,
    Failure,
    OperationResult,
    Processes,
    Relayed,
    Retries,
    Sessions,
    Target,
    Totals,
    WorkResult,
)

Outcome = Literal["pass", "fail", "unknown"]
ExitCode = Annotated[int, Meta(extra_json_schema={"enum": sorted(PRECEDENCE)})]


class ObjectiveResult(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One objective, its observed value, and whether it holds."""

    objective: str
    observed: Number | None
    outcome: Outcome


class Summary(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers of one run. Rates are shares of one, rounded down; times are seconds since the run's start, latencies
    milliseconds; null means unknown. What each number means: docs/measurement.md."""

    schema: Literal[1]
    run_id: str | None
    run_dir: str
    scenario: str | None
    command: str | None
    started_at: str | None
    duration_s: Amount
    seed: int | None
    timeout_s: Number | None
    target: Target
    totals: Totals
    latency_ms: Latency
    operations: tuple[OperationResult, ...]
    failures: tuple[Failure, ...]
    steps: tuple[StepResult, ...]
    breaking_point: BreakingPoint | None
    capacity: Capacity | None
    capacity_reason: str
    knee: Knee | None
    faults: tuple[FaultResult, ...]
    matrix: Matrix | None
    sessions: Sessions
    work: WorkResult | None
    retries: Retries | None
    generator: GeneratorHealth
    objectives: tuple[ObjectiveResult, ...]
    verdict: Outcome
    reasons: tuple[str, ...]
    exit_code: ExitCode
    intervals: Intervals
    processes: Processes | UnsetType = UNSET  # where sessions are processes
    relayed: Relayed | UnsetType = UNSET  # where the target runs as several processes
    coverage: tuple[Covered, ...] | UnsetType = UNSET  # where everything that the server offers is called
    authorization: Authorization | UnsetType = UNSET  # where clients were asked who they are
    found_capacity: tuple[FoundCapacity, ...] | UnsetType = UNSET  # where a step searched for it
