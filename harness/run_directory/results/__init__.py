"""The result of a run as typed values (the content of summary.json), with its only encoder and decoder.

`summary` is the whole result; its parts are in `totals`, `load`, `faults` and `health`, their numbers in
`figures`. `codec` writes and reads the JSON, `schema` generates docs/summary.schema.json from the same
classes, and `glance` reads the parts that exist in files of every version. docs/measurement.md explains each
number.

This package holds frozen structs only, and no calculations. `harness.analysis` fills them; `harness.report`
and others read their attributes. The order of the fields is the order of keys in the file, because other
readers rely on it.
"""

from harness.run_directory.results.faults import (
    Exposed,
    FaultOperation,
    FaultResult,
    Matrix,
    MatrixRow,
    Phase,
    RowWork,
    SessionsFound,
    Storm,
    Weakness,
)
from harness.run_directory.results.figures import Interval, Intervals, Latency, Times
from harness.run_directory.results.health import Added, GeneratorHealth
from harness.run_directory.results.load import (
    BreakingPoint,
    Capacity,
    CapacityInterval,
    CapacityTrial,
    FoundCapacity,
    Knee,
    StepResult,
    TrialMark,
)
from harness.run_directory.results.summary import ObjectiveResult, Summary
from harness.run_directory.results.totals import (
    Authorization,
    Covered,
    Failure,
    KeptDown,
    OperationResult,
    Processes,
    Promises,
    Relayed,
    RelayedProcess,
    Retries,
    RetryPolicy,
    Server,
    Sessions,
    Target,
    Totals,
    WorkResult,
)

__all__ = [
    "Added",
    "Authorization",
    "BreakingPoint",
    "Capacity",
    "CapacityInterval",
    "CapacityTrial",
    "Covered",
    "Exposed",
    "Failure",
    "FaultOperation",
    "FaultResult",
    "FoundCapacity",
    "GeneratorHealth",
    "Interval",
    "Intervals",
    "KeptDown",
    "Knee",
    "Latency",
    "Matrix",
    "MatrixRow",
    "ObjectiveResult",
    "OperationResult",
    "Phase",
    "Processes",
    "Promises",
    "Relayed",
    "RelayedProcess",
    "Retries",
    "RetryPolicy",
    "RowWork",
    "Server",
    "Sessions",
    "SessionsFound",
    "StepResult",
    "Storm",
    "Summary",
    "Target",
    "Times",
    "Totals",
    "TrialMark",
    "Weakness",
    "WorkResult",
]
