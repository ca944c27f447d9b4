"""One run as the history keeps it: typed values without rows of calls. Made of a run directory, or read from PostgreSQL.

The run is the unit of every comparison, so this is what `compare` and `trend` get, however they got it:

    series      what must be equal before two runs may be compared (`Series.alike`)
    figures     the values that comparisons and trends are about, as harness.history.comparison.run_figures finds them
    histograms  the response and service times of each step and operation, so that any percentile can be asked later

None is what nobody can say; it is never zero.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from harness.history.comparison.measured import ErrorKind, Kind, MeasuredRun, Value
from harness.run_directory.results.summary import Outcome

Part = Literal["step", "operation"]
Timed = Literal["response", "service"]


class Series(Struct, frozen=True, kw_only=True):
    """The series that a run belongs to. Runs are comparable when all but the branch is equal."""

    scenario: str
    scenario_hash: str  # of what was asked for, without the address or the seed
    target: str  # as the server calls itself
    machine: str  # a hash of what the machine is
    branch: str = ""  # "": nobody knows

    @property
    def alike(self) -> tuple[str, str, str]:
        """What must be equal for a comparison: scenario, target, machine."""
        return self.scenario_hash, self.target, self.machine


class Times(Struct, frozen=True, kw_only=True):
    """Percentiles of response times of ok calls in ms; None: too few calls."""

    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


class StepRecord(Struct, frozen=True, kw_only=True):
    """One level of load. `name` is unique in its run."""

    index: int
    name: str
    kind: str
    users: int | None
    rate: float | None
    requests: int
    ok: int
    failed: int
    success_rate: float | None
    throughput_rps: float | None
    times: Times


class OperationRecord(Struct, frozen=True, kw_only=True):
    """One operation, as one class of users asked for it."""

    operation: str
    user_class: str
    requests: int
    ok: int
    failed: int
    success_rate: float | None
    throughput_rps: float | None
    times: Times


class FaultRecord(Struct, frozen=True, kw_only=True):
    """One fault, and when the service was as before."""

    name: str
    kind: str
    link: str
    verified: bool
    healed: bool | None
    success_rate: float | None
    recover_s: float | None
    sessions_lost: int


class ObjectiveRecord(Struct, frozen=True, kw_only=True):
    """One objective, and whether it held."""

    objective: str
    observed: float | None
    outcome: Outcome


class MatrixRecord(Struct, frozen=True, kw_only=True):
    """One row of the resilience matrix."""

    name: str
    outcome: str
    why: str
    recover_s: float | None
    sessions_lost: int


class HistogramRecord(Struct, frozen=True, kw_only=True):
    """Times of the ok calls of one step or operation, in µs: HdrHistogram V2, three digits, compressed."""

    part: Part
    name: str
    timed: Timed
    count: int
    data: bytes


class CheckRecord(Struct, frozen=True, kw_only=True):
    """One check of `harness verify`."""

    name: str
    priority: int
    category: str
    outcome: str
    duration_ms: float | None


class RunRecord(Struct, frozen=True, kw_only=True):
    """One run. What people add to it later (tags, an exclusion) is at the end."""

    run_id: str
    series: Series
    started_at: str  # ISO 8601, UTC
    duration_s: float
    command: str
    commit: str  # "": nobody knows
    versions: dict[str, str]
    protocol: str
    version: str  # the server's own
    seed: int | None
    workers: int | None
    verdict: Outcome
    reasons: tuple[str, ...]
    exit_code: int
    requests: int
    ok: int
    failed: int
    success_rate: float | None
    throughput_rps: float | None
    times: Times
    breaking_users: float | None = None
    breaking_rate: float | None = None
    last_good_users: float | None = None
    capacity_users: float | None = None
    capacity_rps: float | None = None
    memory_mb: float | None = None  # of the target
    sessions_opened: int = 0
    sessions_lost: int = 0
    saturated: bool | None = None  # the load generator was the bottleneck
    noise: tuple[str, ...] = ()  # what disturbed the run, where that is known
    run_dir: str = ""  # where it was made; it may be gone
    night: str = ""  # the nightly that it belongs to
    steps: tuple[StepRecord, ...] = ()
    operations: tuple[OperationRecord, ...] = ()
    faults: tuple[FaultRecord, ...] = ()
    objectives: tuple[ObjectiveRecord, ...] = ()
    failures: tuple[ErrorKind, ...] = ()
    figures: tuple[Value, ...] = ()
    matrix: tuple[MatrixRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    histograms: tuple[HistogramRecord, ...] = ()  # empty when they were not asked for
    tags: tuple[str, ...] = ()
    excluded: str | None = None  # why somebody took it out of comparisons

    @property
    def measured(self) -> MeasuredRun:
        """The run as comparisons and trends want it."""
        of = self.series
        return MeasuredRun(
            run_id=self.run_id,
            path=self.run_dir,
            scenario=of.scenario,
            started_at_s=datetime.fromisoformat(self.started_at).timestamp(),
            duration_s=self.duration_s,
            verdict=self.verdict,
            kind=Kind(
                scenario=of.scenario_hash, target=of.target, machine=of.machine, protocol=self.protocol
            ),
            version=self.version,
            system=self.versions.get("system", ""),
            values=self.figures,
            errors=self.failures,
            noise=self.noise,
            excluded=self.excluded or "",
        )
