"""The kinds of events, one struct each, with the fields of a line in events.jsonl (`events` explains them).

Fields are written in this order. A field without a default is always written, as null if it has no value. A
field with a default is left out if it has no value. A field that an old run or another version left out is
None when it is read. `event_fields` says which values are allowed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, UnsetType

Amounts = Sequence[float] | float  # one number in old runs
Pairs = Sequence[Sequence[int]]


class RunStarted(Struct, frozen=True, kw_only=True, tag_field="event", tag="run_started"):
    at_ns: int


class StepAsked(Struct, frozen=True, kw_only=True, tag_field="event", tag="step_asked"):
    at_ns: int
    index: int
    name: str
    kind: str
    users: int | None
    rate: float | None


class StepRunning(Struct, frozen=True, kw_only=True, tag_field="event", tag="step_running"):
    at_ns: int
    index: int
    users: int | None


class StepDone(Struct, frozen=True, kw_only=True, tag_field="event", tag="step_done"):
    at_ns: int
    index: int
    start_ns: int
    end_ns: int
    reason: str | None = None


class StepJudged(Struct, frozen=True, kw_only=True, tag_field="event", tag="step_judged"):
    at_ns: int
    index: int
    requests: int | None
    ok: int | None
    failed: int | None
    not_sent: int | None
    success_rate: float | None
    broke: bool | None


class Broke(Struct, frozen=True, kw_only=True, tag_field="event", tag="break"):
    at_ns: int
    users: int | None
    last_good_users: int | None
    reason: str | None
    confirmed: bool | None
    rate: float | UnsetType | None = UNSET
    last_good_rate: float | UnsetType | None = UNSET


class WorkerReport(Struct, frozen=True, kw_only=True, tag_field="event", tag="generator"):
    at_ns: int
    worker: int
    cpu: float | None
    run_delay: float | None
    lag_ms: Amounts | None
    started: int | None
    recorded: int | None
    open_calls: int | None
    read_ms: Amounts | None
    held_us: Any
    added: Sequence[int] | None
    added_each: int | None
    added_others_us: float | None
    files_open: int | None
    files_max: float | None
    users: int | None
    arrived: int | None = None
    overdue: int | None = None
    not_sent: Pairs | None = None
    last: bool | None = None
    retries_refused: int | None = None
    noise: int | None = None


class TargetSeen(Struct, frozen=True, kw_only=True, tag_field="event", tag="target"):
    at_ns: int
    rss_mb: float | None
    cpu_s: float | None = None  # since its processes began


class WorkerLost(Struct, frozen=True, kw_only=True, tag_field="event", tag="worker_lost"):
    at_ns: int
    worker: str | int | None
    users: int | None
    why: str | None


class RowsUnwritten(Struct, frozen=True, kw_only=True, tag_field="event", tag="rows_unwritten"):
    at_ns: int
    worker: str | int | None
    users: int | None
    why: str | None


class PartLost(Struct, frozen=True, kw_only=True, tag_field="event", tag="part_lost"):
    at_ns: int
    part: str
    pid: int | None
    how: str | None
    last_words: str | None
    replaced: bool | None = None


class StrangerRefused(Struct, frozen=True, kw_only=True, tag_field="event", tag="stranger_refused"):
    at_ns: int
    attempts: int
    why: str


class Stalled(Struct, frozen=True, kw_only=True, tag_field="event", tag="stalled"):
    at_ns: int
    for_ms: float
    asleep: bool | None


class FaultOn(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_on"):
    at_ns: int
    name: str
    kind: str
    link: str | None
    parameters: Mapping[str, Any] | None


class FaultVerified(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_verified"):
    at_ns: int
    name: str
    verified: bool
    why: str | None
    through_ms: float | None
    beside_ms: float | None
    expected_ms: float | None
    added_ms: float | None


class FaultOff(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_off"):
    at_ns: int
    name: str


class FaultHealed(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_healed"):
    at_ns: int
    name: str
    healed: bool
    why: str | None


class FaultDid(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_did"):
    at_ns: int
    name: str
    did: Mapping[str, int]


class FaultSkipped(Struct, frozen=True, kw_only=True, tag_field="event", tag="fault_skipped"):
    at_ns: int
    name: str
    kind: str | None
    link: str | None
    why: str | None


class Activity(Struct, frozen=True, kw_only=True, tag_field="event", tag="activity"):
    at_ns: int
    name: str | None
    type: str | None
    end_ns: int | None
    succeeded: bool | None


class ExperimentEnded(Struct, frozen=True, kw_only=True, tag_field="event", tag="experiment"):
    at_ns: int
    title: str | None
    status: str | None
    deviated: bool | None


class Aborted(Struct, frozen=True, kw_only=True, tag_field="event", tag="abort"):
    at_ns: int
    rule: str
    since_s: float | None
    observed: float | None
    why: str | None = None


class Alerted(Struct, frozen=True, kw_only=True, tag_field="event", tag="alert"):
    at_ns: int
    objective: str | None
    broken: bool | None
    observed: float | None
    text: str | None


class RunEnded(Struct, frozen=True, kw_only=True, tag_field="event", tag="run_ended"):
    at_ns: int
    reason: str
    why: str | None = None


StepEvent = StepAsked | StepRunning | StepDone | StepJudged
FaultEvent = FaultOn | FaultVerified | FaultOff | FaultHealed | FaultDid | FaultSkipped
WorkerTrouble = WorkerLost | RowsUnwritten
Event = (
    RunStarted
    | StepEvent
    | Broke
    | WorkerReport
    | TargetSeen
    | WorkerTrouble
    | PartLost
    | StrangerRefused
    | Stalled
    | FaultEvent
    | Activity
    | ExperimentEnded
    | Aborted
    | Alerted
    | RunEnded
)
