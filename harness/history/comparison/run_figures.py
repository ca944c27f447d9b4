"""Reads the values to compare from a run directory: from summary.json, metadata.json, scenario.yaml and the names of its steps.

Leading figures are those of the held steps; of a run without one, those of the whole run. Levels of a ramp and single
operations follow. Figures of a faulted step are figures like others: both sides have the fault.
"""

import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import DocumentError, read_text, short, yaml_value
from harness.foundation.untrusted.printable import printable
from harness.history.comparison.measured import ErrorKind, Kind, MeasuredRun, Value
from harness.history.runs import mapping
from harness.run_directory.directory import find
from harness.run_directory.event_kinds import StepAsked
from harness.run_directory.events import read_events
from harness.run_directory.metadata import same_machine, system
from harness.run_directory.results import glance
from harness.run_directory.results.codec import DamagedError
from harness.run_directory.results.glance import Glance, SeenFound, SeenOperation, SeenStep

CLIMBING: Final = frozenset({"ramp", "confirm"})
SEARCHED: Final = "capacity"  # trials, each at another load
OPERATIONS_MOST: Final = 12
NAME_MOST: Final = 120
# What a scenario says that does not change what is measured, or that `Kind` has by itself.
ASIDE: Final = frozenset(
    {"name", "target", "seed", "objectives", "alert", "bind", "allowed_hosts", "expect_failures", "abort"}
)
TICK_S: Final = 0.01
OF_90: Final = 1.645  # standard deviations on either side that an interval of 90 % has
RUN_DELAY_MUCH: Final = 0.2
STEAL_MUCH: Final = 0.01  # of all processor time
CLOCK_VARIED: Final = 1.1


def of_directory(path: Path) -> MeasuredRun:
    """The run in this directory; UsageError when it has no result."""
    place = find(path).path
    metadata = mapping(place / "metadata.json") or {}
    try:
        seen = glance.of_file(place / "summary.json")
    except (OSError, DamagedError) as error:
        raise UsageError(
            f"{short(str(path), 120)} has no result that can be compared",
            short(getattr(error, "strerror", None) or str(error), 200),
            f"Read it again: harness report {short(str(path), 120)}",
        ) from error
    names = {one.index: one.name for one in read_events(place / "events.jsonl") if isinstance(one, StepAsked)}
    return of_result(seen, metadata, names, scenario_hash(place), place)


def of_result(
    seen: Glance, metadata: Mapping[str, Any], names: Mapping[int, str], scenario: str, place: Path
) -> MeasuredRun:
    """The same, of what was read already."""
    server = (seen.target and seen.target.server) or glance.SeenServer()
    return MeasuredRun(
        run_id=printable(seen.run_id or place.name, NAME_MOST),
        path=str(place),
        scenario=printable(str(metadata.get("scenario") or ""), NAME_MOST),
        started_at_s=_seconds(seen.started_at),
        duration_s=float(seen.duration_s or 0.0),
        verdict=seen.verdict,
        kind=Kind(
            scenario=scenario,
            target=printable(server.name or "", NAME_MOST),
            machine=_hash(same_machine(metadata["machine"]))
            if isinstance(metadata.get("machine"), dict)
            else "",
            protocol=printable((seen.target and seen.target.protocol) or "", NAME_MOST),
        ),
        version=printable(server.version or "", NAME_MOST),
        system=printable(system(metadata), NAME_MOST),
        values=(*_values(seen, names), *_cost(seen, metadata)),
        errors=tuple(
            ErrorKind(
                outcome=printable(one.outcome or "", NAME_MOST),
                detail=printable(one.detail or "", NAME_MOST),
                count=one.count or 0,
            )
            for one in seen.failures or ()
        ),
        noise=(*_noise(seen), *_machine_noise(metadata)),
    )


def scenario_hash(place: Path) -> str:
    """A hash of what the run was asked for; of its plan where there is no scenario.yaml; empty when neither is there."""
    try:
        asked = yaml_value(read_text(place / "scenario.yaml"))
    except (OSError, UnicodeDecodeError, DocumentError):
        asked = mapping(place / "plan.json")
    if not isinstance(asked, Mapping):
        return ""
    return _hash({key: value for key, value in asked.items() if key not in ASIDE})


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _seconds(text: str | None) -> float:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _values(seen: Glance, names: Mapping[int, str]) -> Iterator[Value]:
    steps = list(_named(seen, names))
    searched = seen.found_capacity or ()
    held = [(name, step) for name, step in steps if step.kind not in CLIMBING | {SEARCHED}]
    for name, step in held:
        yield from _measured(name, step, leading=True)
    if not held and not searched:
        yield from _whole(seen)
    yield from _searched(searched)
    yield from _levels(seen, steps)
    for fault in seen.faults or ():
        if fault.recover_s is not None:
            yield _value(fault.name, "recovery", "s", fault.recover_s, doubt=0.5)
    if seen.sessions is not None and seen.sessions.lost is not None:
        yield _value("whole run", "sessions lost", "count", seen.sessions.lost, doubt=0.5)
    if seen.target is not None and seen.target.rss_max_mb:
        yield _value("server", "memory", "mb", seen.target.rss_max_mb)
    common = sorted(seen.operations or (), key=lambda one: -(one.ok or 0))
    for operation in common[:OPERATIONS_MOST]:
        if operation.latency_ms.response.p50 is not None:
            name = f"{operation.operation} by {operation.user_class}"
            yield from _measured(name, operation, leading=False)


def _cost(seen: Glance, metadata: Mapping[str, Any]) -> Iterator[Value]:
    """The processor time of the server a call, where its processes were seen; the kernel counts in 10 ms."""
    target = metadata.get("target")
    cpu_s = target.get("cpu_s") if isinstance(target, Mapping) else None
    if isinstance(cpu_s, int | float) and cpu_s > 0 and seen.totals.requests:
        each = 1000 / seen.totals.requests
        yield _value("server", "CPU a call", "ms", cpu_s * each, doubt=TICK_S * each)


def _whole(seen: Glance) -> Iterator[Value]:
    step = SeenOperation(
        ok=seen.totals.ok,
        failed=seen.totals.failed,
        throughput_rps=seen.totals.throughput_rps,
        success_rate=seen.totals.success_rate,
        latency_ms=seen.latency_ms,
    )
    yield from _measured("whole run", step, leading=True)


def _named(seen: Glance, names: Mapping[int, str]) -> Iterator[tuple[str, SeenStep]]:
    """Every step with its name; a level of a ramp has its users in it, a second of one name is called `name 2`."""
    times: Counter[str] = Counter()
    for step in seen.steps or ():
        name = str(names.get(-1 if step.index is None else step.index) or step.kind)
        if step.kind in CLIMBING:
            load = f"{step.users} users" if step.rate is None else f"{step.rate:g}/s"
            name = f"{name} at {load}" + (", again" if step.kind == "confirm" else "")
        times[name] += 1
        yield (name if times[name] == 1 else f"{name} {times[name]}"), step


def _levels(seen: Glance, steps: list[tuple[str, SeenStep]]) -> Iterator[Value]:
    """Yield the results of a ramp: its breaking point, its capacity, and each of its levels."""
    climb = [(name, step) for name, step in steps if step.kind in CLIMBING]
    level = seen.breaking_point
    sizes = sorted({float(step.users or step.rate or 0) for _, step in climb})
    apart = min((high - low for low, high in itertools.pairwise(sizes)), default=0.0)
    if level is not None:
        rate = None if level.rate is UNSET else level.rate
        if size := rate or level.users:
            unit = "per_s" if rate else "count"
            yield _value("ramp", "breaking point", unit, size, doubt=apart / math.sqrt(12))
    if seen.capacity is not None and seen.capacity.peak_rps:
        yield _value("ramp", "capacity", "per_s", seen.capacity.peak_rps)
    for name, step in climb:
        yield from _measured(name, step, leading=False)


def _searched(results: Iterable[SeenFound]) -> Iterator[Value]:
    """The load that each search found; a bound (`at least`) is no number, and none is given for it."""
    for one in results:
        if one.word == "found" and one.value and one.interval is not None:
            low, high = one.interval
            unit = "count" if one.unit == "users" else "per_s"
            yield _value(one.step, "found capacity", unit, one.value, doubt=(high - low) / (2 * OF_90))


def _measured(of: str, part: SeenStep | SeenOperation, *, leading: bool) -> Iterator[Value]:
    """Throughput, success and percentiles; a percentile of too few calls is not there."""
    if part.throughput_rps:
        yield _value(of, "throughput", "per_s", part.throughput_rps, leading=leading)
    if part.success_rate is not None:
        calls = (part.ok or 0) + (part.failed or 0)
        rate = ((part.failed or 0) + 0.5) / (calls + 1)
        doubt = math.sqrt(rate * (1 - rate) / max(1, calls))
        yield _value(of, "success", "share", part.success_rate, doubt=doubt, leading=leading)
    for name in ("p50", "p90", "p95", "p99"):
        if (percentile := part.latency_ms.response.at(name)) is not None and percentile > 0:
            yield _value(of, name, "ms", percentile, leading=leading)


def _value(
    of: str | None, name: str, unit: str, value: float, *, doubt: float = 0.0, leading: bool = True
) -> Value:
    return Value(
        of=printable(of or "?", NAME_MOST),
        name=name,
        unit=unit,
        value=float(value),
        doubt=doubt,
        leading=leading,
    )


def _noise(seen: Glance) -> Iterator[str]:
    """Yield what disturbed the run, as far as its summary says so."""
    health = seen.generator
    if health is not None and health.saturated:
        yield "the load generator was the bottleneck"
    if health is not None and (health.run_delay_max or 0) > RUN_DELAY_MUCH:
        yield "other load on the machine kept the generator waiting"
    if any(step.warming_up_s for step in seen.steps or ()):
        yield "the warm-up was not over when it was measured"


def _machine_noise(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the machine's processors did, where the kernel says so."""
    processors = metadata.get("processors")
    if not isinstance(processors, Mapping):
        return
    steal, low, high = (processors.get(name) for name in ("steal_share", "clock_mhz_low", "clock_mhz_high"))
    if isinstance(steal, int | float) and steal > STEAL_MUCH:
        yield "the host of this virtual machine gave its processors to others (steal time)"
    if isinstance(low, int | float) and isinstance(high, int | float) and high > CLOCK_VARIED * low:
        yield "the clock of the processors varied"
