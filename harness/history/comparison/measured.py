"""The values of one run that a comparison uses: its figures, its kinds of errors, and its `Kind`.

A value is one number of one run. Values of the same `of` and `name` are compared with each other.
`leading` values are those that a comparison is about (held steps, breaking point, recovery, memory); the rest (single
operations, levels of a ramp) have a smaller share of its false alarms (harness.history.comparison.judging).
`doubt` is how uncertain a value is by itself, in its unit: one standard deviation from the number of calls, or from the
distance of two levels. It is a floor: what runs differ by is seen from the runs.
"""

from msgspec import Struct

LOWER_IS_WORSE = frozenset({"throughput", "success", "breaking point", "capacity", "found capacity"})


class Value(Struct, frozen=True, kw_only=True):
    """One number of one run."""

    of: str  # the step, the operation, the fault, or the whole run
    name: str
    unit: str  # ms, per_s, share, count, s, mb
    value: float
    doubt: float = 0.0
    leading: bool = True


class ErrorKind(Struct, frozen=True, kw_only=True):
    """One kind of failed calls."""

    outcome: str
    detail: str
    count: int


class Kind(Struct, frozen=True, kw_only=True):
    """Runs are compared only if these values are equal. An empty text means unknown, and equals nothing."""

    scenario: str  # a hash of what was asked for
    target: str  # the name that the server gives itself
    machine: str  # a hash of the machine's properties
    protocol: str


class MeasuredRun(Struct, frozen=True, kw_only=True):
    """One run, as far as comparisons need it."""

    run_id: str
    path: str
    scenario: str
    started_at_s: float  # seconds since 1970
    duration_s: float
    verdict: str
    kind: Kind
    version: str  # the server's own
    values: tuple[Value, ...]
    errors: tuple[ErrorKind, ...]
    system: str = ""  # the operating system with its release; empty: nobody knows
    noise: tuple[str, ...] = ()  # what disturbed this run, where that is known
    excluded: str = ""  # why somebody excluded it

    @property
    def ended_at_s(self) -> float:
        return self.started_at_s + self.duration_s
