"""The result of a run as values: what summary.json says, typed, with the one encoder and the one decoder for it.

`summary` is the whole; its parts are in `totals`, `load`, `faults` and `health`, their numbers in `figures`. `codec` writes
and reads the JSON, `schema` makes docs/summary.schema.json of the very same classes, and `glance` is as much of a result as
can be read of any version's file. What each number means: docs/measurement.md.

What may live here: frozen structs, and nothing that calculates. `harness.analysis` fills them, `harness.report` and the
others read their attributes. The fields stand in the order of the keys in the file: readers of other languages rely on it.
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
from harness.run_directory.results.load import BreakingPoint, Capacity, CapacityInterval, Knee, StepResult
from harness.run_directory.results.summary import ObjectiveResult, Summary
from harness.run_directory.results.totals import (
    Failure,
    KeptDown,
    OperationResult,
    Promises,
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
    "BreakingPoint",
    "Capacity",
    "CapacityInterval",
    "Exposed",
    "Failure",
    "FaultOperation",
    "FaultResult",
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
    "Promises",
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
    "Weakness",
    "WorkResult",
]
