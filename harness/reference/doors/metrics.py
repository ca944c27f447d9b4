"""The page for Prometheus, in its text format 0.0.4. A value that is unknown is left out, and is not zero."""

import os
import resource
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.reference.admission import Admission
from harness.reference.durations import BOUNDS_S, Durations
from harness.reference.executions import Executions
from harness.reference.refusals import Refusals
from harness.reference.traffic import Traffic

PREFIX = "harness_target_"
Samples = Iterable[tuple[Mapping[str, str], float]]
# A pool's statistics: gauges of its present state, and counters that only grow.
_POOL_NOW = {
    "open": "connections to the database",
    "idle": "idle connections",
    "in_use": "connections in use",
    "max": "largest number of connections",
    "waiting": "calls that wait for a connection",
    "clients": "clients that these connections served, the last 10,000",
}
_POOL_TOTAL = {
    "uses": "times that a connection was used",
    "waited": "times that a call waited for a connection",
    "waited_s": "seconds that calls waited for a connection",
    "refused": "times that a call waited and got no connection",
    "connected": "connections opened",
}


def text(
    traffic: Traffic,
    admission: Admission,
    executions: Executions,
    refusals: Refusals,
    pools: Mapping[str, Mapping[str, float]],
    sessions: int | None,
) -> str:
    """Return the page."""
    recorded = executions.statistics()
    parts = [
        _family("requests_total", "requests by door", ((_door(d), n) for d, n in traffic.requests.items())),
        _histogram("request_duration_seconds", "seconds from request to answer", "door", traffic.durations),
        _family("calls_in_flight", "calls in flight", [({}, admission.in_flight)]),
        _family(
            "calls_refused_total",
            "calls refused, by the limit that refused them",
            (({"limit": limit}, count) for limit, count in admission.refused.items()),
        ),
        _family(
            "refusals_total",
            "requests refused before they were calls, by reason",
            (({"door": door, "kind": kind}, count) for (door, kind), count in refusals.counts.items()),
        ),
        _family(
            "executions_total",
            "tool calls, by outcome",
            (({"tool": t, "outcome": o}, count) for (t, o), count in executions.ended.items()),
        ),
        _histogram("execution_duration_seconds", "seconds that a tool ran", "tool", executions.durations),
        _family("executions_pending", "executions that wait to be recorded", [({}, recorded["pending"])]),
        _family("executions_lost_total", "executions that were never recorded", [({}, recorded["lost"])]),
        _family("refusals_lost_total", "refusals that were never recorded", [({}, refusals.journal.lost)]),
        *(_family(f"pool_{_unit(name)}", about, _of(pools, name)) for name, about in _POOL_NOW.items()),
        *(
            _family(f"pool_{_unit(name)}_total", about, _of(pools, name))
            for name, about in _POOL_TOTAL.items()
        ),
        _family("sessions_open", "open sessions", [] if sessions is None else [({}, sessions)]),
        _process(),
    ]
    return "".join(line + "\n" for part in parts for line in part)


def _family(name: str, about: str, samples: Samples, prefix: str = PREFIX) -> Iterator[str]:
    kind = "counter" if name.endswith("_total") else "gauge"
    yield f"# HELP {prefix}{name} {about}"
    yield f"# TYPE {prefix}{name} {kind}"
    for labels, value in samples:
        yield f"{prefix}{name}{_labels(labels)} {value:.10g}"


def _histogram(name: str, about: str, label: str, durations: Mapping[str, Durations]) -> Iterator[str]:
    yield f"# HELP {PREFIX}{name} {about}"
    yield f"# TYPE {PREFIX}{name} histogram"
    for value, spread in durations.items():
        below = 0
        for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), spread.counts, strict=True):
            below += count
            yield f"{PREFIX}{name}_bucket{_labels({label: value, 'le': bound})} {below}"
        yield f"{PREFIX}{name}_sum{_labels({label: value})} {spread.sum_s:.10g}"
        yield f"{PREFIX}{name}_count{_labels({label: value})} {below}"


def _process() -> Iterator[str]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    resident = pages * os.sysconf("SC_PAGE_SIZE")
    yield from _family(
        "cpu_seconds_total", "processor time", [({}, used.ru_utime + used.ru_stime)], "process_"
    )
    yield from _family("resident_memory_bytes", "memory", [({}, resident)], "process_")


def _of(pools: Mapping[str, Mapping[str, float]], name: str) -> Samples:
    return [({"database": database}, pool[name]) for database, pool in pools.items()]


def _door(door: str) -> dict[str, str]:
    return {"door": door}


def _unit(name: str) -> str:
    return name.removesuffix("_s") + "_seconds" if name.endswith("_s") else name


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
