"""Two runs side by side: was, is, change. It describes, and decides nothing.

Two runs of the very same build differ too, and by how much cannot be seen inside either of them. So a pair has no
verdict: the exit code of a run is its own, whatever the run before was like.

Figures are those of summary.json: of the whole run, and of each held step that both have (a step of a ramp is not held;
how far a ramp came is the breaking point). Latency is response time. What else is not alike is said: versions, plan, server.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from harness.analysis.rounding import BLANK, show

ONLY_DESCRIBES: Final = (
    "One pair of runs only describes: two runs of the same build differ as well, "
    "and a pair cannot tell noise from change."
)
_CLIMBING: Final = {"ramp", "confirm"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of both runs, in the unit of harness.catalogue; None is what nobody can say."""

    of: str  # the step, the fault, or the whole run
    name: str
    unit: str
    was: float | None
    now: float | None

    def change(self) -> str:
        """Shares by percentage points, counts by a difference, the rest by its part."""
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
    """One of the two: summary.json, metadata.json and plan.json of a run, and the names of its steps by index."""

    summary: Mapping[str, Any]
    metadata: Mapping[str, Any]
    plan: Mapping[str, Any]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Pair:
    """What there is to say of two runs."""

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


def describe(was: Side, now: Side) -> Pair:
    """The pair."""
    return Pair(
        was=str(was.summary["run_id"]),
        was_started_at=str(was.summary["started_at"]),
        was_verdict=str(was.summary["verdict"]),
        now=str(now.summary["run_id"]),
        now_verdict=str(now.summary["verdict"]),
        figures=tuple(_figures(was, now)),
        unlike=tuple(_unlike(was, now)),
    )


def _figures(was: Side, now: Side) -> Iterator[Figure]:
    summaries = [one.summary for one in (was, now)]
    whole = [{**one["totals"], "latency_ms": one["latency_ms"]} for one in summaries]
    yield from _measured("whole run", *whole)
    held = [_held(one) for one in (was, now)]
    for name in (name for name in held[0] if name in held[1]):
        before, after = held[0][name], held[1][name]
        yield Figure(name, "users", "count", before["users"], after["users"])
        yield from _measured(name, before, after)
    yield from _breaking_point(*(one["breaking_point"] for one in summaries))
    healed = [{fault["name"]: fault["recover_s"] for fault in one["faults"]} for one in summaries]
    for name in (name for name in healed[0] if name in healed[1]):
        yield Figure(name, "recovery", "s", healed[0][name], healed[1][name])


def _measured(of: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Figure]:
    yield Figure(of, "throughput", "per_s", was["throughput_rps"], now["throughput_rps"])
    yield Figure(of, "success", "share", was["success_rate"], now["success_rate"])
    before, after = was["latency_ms"]["response"], now["latency_ms"]["response"]
    for name in ("p50", "p95", "p99"):
        yield Figure(of, name, "ms", before[name], after[name])


def _held(side: Side) -> dict[str, Mapping[str, Any]]:
    """Held steps by name; the second of the same name is `name 2`."""
    times: Counter[str] = Counter()
    found = {}
    for step in side.summary["steps"]:
        if step["kind"] in _CLIMBING:
            continue
        name = side.names.get(step["index"], step["kind"])
        times[name] += 1
        found[name if times[name] == 1 else f"{name} {times[name]}"] = step
    return found


def _breaking_point(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Iterator[Figure]:
    """In users, or calls a second; a run that did not break has none."""
    found = [one for one in (was, now) if one]
    if not found:
        return
    key, unit = ("rate", "per_s") if "rate" in found[0] else ("users", "count")
    yield Figure("ramp", "breaking point", unit, was.get(key) if was else None, now.get(key) if now else None)


def _unlike(was: Side, now: Side) -> Iterator[str]:
    versions = [dict(one.metadata.get("versions") or {}) for one in (was, now)]
    for name in sorted({*versions[0], *versions[1]}):
        if versions[0].get(name) != versions[1].get(name):
            yield f"{name} was {versions[0].get(name, 'absent')}, is {versions[1].get(name, 'absent')}"
    servers = [_server(one.summary["target"]) for one in (was, now)]
    if servers[0] != servers[1]:
        yield f"the server was {servers[0]}, is {servers[1]}"
    if was.metadata.get("workers") != now.metadata.get("workers"):
        yield f"workers were {was.metadata.get('workers')}, are {now.metadata.get('workers')}"
    if was.plan != now.plan:
        yield "the plan is another one (plan.json)"


def _server(target: Mapping[str, Any]) -> str:
    server = target.get("server") or {}
    parts = (server.get("name"), server.get("version"), target.get("protocol"))
    return " ".join(str(part) for part in parts if part) or "unknown"
