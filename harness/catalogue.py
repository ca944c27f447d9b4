"""Pure tables of what can be named: metrics with their units, load profiles, fault kinds.

Other modules look names up here, so that a word is known in one place: the grammar of objectives, the
documentation and the error messages all read these tables. What it does not know: how a metric is
measured (`analysis.observed`) or how a fault is applied.
"""

from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["ms", "s", "share", "per_s", "count"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Something an objective can bound."""

    unit: Unit
    meaning: str
    per_operation: bool = True  # `for OPERATION` makes sense
    scoped: bool = True  # `in STEP`, `during NAME` make sense; `after NAME` always does


# The percentiles, in thousandths: whole numbers, so that ranks are exact.
QUANTILES: Final[dict[str, int]] = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999}

METRICS: Final[dict[str, Metric]] = {
    "p50": Metric("ms", "median response time; a failed call counts as infinitely slow"),
    "p90": Metric("ms", "90th percentile of response time; a failed call counts as infinitely slow"),
    "p95": Metric("ms", "95th percentile of response time; a failed call counts as infinitely slow"),
    "p99": Metric("ms", "99th percentile of response time; a failed call counts as infinitely slow"),
    "p999": Metric("ms", "99.9th percentile of response time; a failed call counts as infinitely slow"),
    "mean": Metric("ms", "mean response time; one failed call makes it infinite"),
    "max": Metric("ms", "slowest response; one failed call makes it infinite"),
    "success_rate": Metric("share", "ok / (ok + failed)"),
    "throughput": Metric("per_s", "ok calls a second, by the time of their completion"),
    "failed": Metric("count", "calls that failed"),
    "rate_limited": Metric("count", "calls that the server refused with 429"),
    "recovery": Metric("s", "from healing a fault until the service is normal again", False, False),
    "missing": Metric("count", "work that was acknowledged and is not there", False, False),
    "duplicated": Metric("count", "work that was done twice", False, False),
    "lost": Metric("count", "sessions that the server no longer knew", False, False),
}

PROFILES: Final[dict[str, str]] = {
    "ramp": "closed load in steps up to a maximum, until the success rate gives way",
    "sustain": "closed load at one level",
}

LINKS: Final[dict[str, str]] = {
    "client": "from the load to the target",
    "database": "from the reference target to its PostgreSQL",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something a fault kind is told; durations are kept in seconds."""

    kind: Literal["duration", "choice"]
    meaning: str
    default: str | None = None  # None: must be given
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault that can be asked for."""

    meaning: str
    parameters: dict[str, Parameter]
    links: tuple[str, ...] = ("client", "database")


FAULTS: Final[dict[str, FaultKind]] = {
    "noop": FaultKind("nothing at all: the placebo, which must show no effect", {}),
    "latency": FaultKind(
        "what travels over the link is held back",
        {
            "latency": Parameter("duration", "how long, in each direction that is held back"),
            "jitter": Parameter("duration", "more or less than that, evenly spread", "0s"),
            "direction": Parameter("choice", "which way", "downstream", ("downstream", "upstream", "both")),
        },
    ),
    "down": FaultKind("the link refuses connections, and open ones are cut", {}),
}
