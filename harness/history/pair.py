"""Compare two runs: the figure before, the figure now, the change. This describes and decides nothing.

Two runs of the same build differ, too, and neither of them shows by how much. So a pair has no verdict: the
exit code of a run does not depend on the run before.

Figures come from summary.json: those of the whole run, and of each held step that both runs have (the steps
of a ramp are not held; its result is the breaking point). Latency is response time. Other differences are
listed: versions, plan, server.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from msgspec import UNSET

from harness.analysis.statistics.rounding import BLANK, show
from harness.run_directory.results.glance import (
    Glance,
    SeenBreak,
    SeenLatency,
    SeenServer,
    SeenStep,
    SeenTarget,
    SeenTotals,
)

ONLY_DESCRIBES: Final = (
    "One pair of runs only describes: two runs of the same build differ as well, "
    "and a pair cannot tell noise from change."
)
_CLIMBING: Final = {"ramp", "confirm"}
Rates = SeenTotals | SeenStep


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of both runs, in the unit of harness.scenario.catalogue; None means unknown."""

    of: str  # the step, the fault, or the whole run
    name: str
    unit: str
    was: float | None
    now: float | None

    def change(self) -> str:
        """The change: shares in percentage points, counts as a difference, all else as a percentage."""
        if self.was is None or self.now is None:
            return BLANK
        difference = self.now - self.was
        if self.unit == "share":
            return f"{difference * 100:+.2f} points"
        if self.unit == "count":
            return f"{difference:+,.0f}"
        return f"{difference / self.was:+.1%}" if self.was else BLANK

    def cells(self) -> tuple[str, str, str, str, str]:
        return self.of, self.name, show(self.was, self.unit), show(self.now, self.unit), self.change()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs: its summary.json, metadata.json and plan.json, and its step names by index."""

    summary: Glance
    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class RunPair:
    """The comparison of two runs."""

    was: str  # the run before
    was_started_at: str
    was_verdict: str
    now: str
    now_verdict: str
    figures: tuple[Figure, ...]
    unlike: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        figures = [asdict(figure) | {"change": figure.change()} for figure in self.figures]
        return {"schema": 1, "only_describes": True, **asdict(self), "figures": figures}


def describe(was: Side, now: Side) -> RunPair:
    """Compare two runs."""
    return RunPair(
        was=str(was.summary.run_id),
        was_started_at=str(was.summary.started_at),
        was_verdict=was.summary.verdict,
        now=str(now.summary.run_id),
        now_verdict=now.summary.verdict,
        figures=tuple(_figures(was, now)),
        unlike=tuple(_unlike(was, now)),
    )


def _figures(was: Side, now: Side) -> Iterator[Figure]:
    whole = [(one.summary.totals, one.summary.latency_ms) for one in (was, now)]
    yield from _measured("whole run", *whole)
    held = [_held(one) for one in (was, now)]
    for name in (name for name in held[0] if name in held[1]):
        before, after = held[0][name], held[1][name]
        yield Figure(name, "users", "count", before.users, after.users)
        yield from _measured(name, (before, before.latency_ms), (after, after.latency_ms))
    yield from _breaking_point(was.summary.breaking_point, now.summary.breaking_point)
    healed = [{str(fault.name): fault.recover_s for fault in one.summary.faults or ()} for one in (was, now)]
    for name in (name for name in healed[0] if name in healed[1]):
        yield Figure(name, "recovery", "s", healed[0][name], healed[1][name])


def _measured(of: str, was: tuple[Rates, SeenLatency], now: tuple[Rates, SeenLatency]) -> Iterator[Figure]:
    yield Figure(of, "throughput", "per_s", was[0].throughput_rps, now[0].throughput_rps)
    yield Figure(of, "success", "share", was[0].success_rate, now[0].success_rate)
    before, after = was[1].response, now[1].response
    for name in ("p50", "p95", "p99"):
        yield Figure(of, name, "ms", before.at(name), after.at(name))


def _held(side: Side) -> dict[str, SeenStep]:
    """The held steps by name; a second step of the same name is called `name 2`."""
    times: Counter[str] = Counter()
    found = {}
    for step in side.summary.steps or ():
        if step.kind in _CLIMBING:
            continue
        name = _name(side, step)
        times[name] += 1
        found[name if times[name] == 1 else f"{name} {times[name]}"] = step
    return found


def _name(side: Side, step: SeenStep) -> str:
    given = None if step.index is None else side.names.get(step.index)
    return given if given is not None else str(step.kind)


def _breaking_point(was: SeenBreak | None, now: SeenBreak | None) -> Iterator[Figure]:
    """The breaking points, in users or calls per second; a run that did not break has none."""
    first = was or now
    if first is None:
        return
    by_rate = first.rate is not UNSET
    before, after = (_level(one, by_rate=by_rate) for one in (was, now))
    yield Figure("ramp", "breaking point", "per_s" if by_rate else "count", before, after)


def _level(found: SeenBreak | None, *, by_rate: bool) -> float | None:
    if found is None:
        return None
    if not by_rate:
        return found.users
    return None if found.rate is UNSET else found.rate


def _unlike(was: Side, now: Side) -> Iterator[str]:
    versions = [dict(one.metadata.get("versions") or {}) for one in (was, now)]
    for name in sorted({*versions[0], *versions[1]}):
        if versions[0].get(name) != versions[1].get(name):
            yield f"{name} was {versions[0].get(name, 'absent')}, is {versions[1].get(name, 'absent')}"
    servers = [_server(one.summary.target) for one in (was, now)]
    if servers[0] != servers[1]:
        yield f"the server was {servers[0]}, is {servers[1]}"
    if was.metadata.get("workers") != now.metadata.get("workers"):
        yield f"workers were {was.metadata.get('workers')}, are {now.metadata.get('workers')}"
    if was.plan != now.plan:
        yield "the plan is another one (plan.json)"


def _server(target: SeenTarget | None) -> str:
    server = (target and target.server) or SeenServer()
    parts = (server.name, server.version, target and target.protocol)
    return " ".join(part for part in parts if part) or "unknown"
