"""Faults: what was planned, and what the events say about each.

    applying    fault_on                    fault_off   fault_healed
       |-LEAD_S-|====== window [on, off) =======|- - - - - -|
       |------------- disturbed ----------------------------|       (tests/analysis/faults/test_planned.py)

Definitions. The *window* of a fault is [fault_on, fault_off). *Disturbed* is the time in which the numbers are
neither of the service as it is nor of the fault as it was asked for: it begins a second early, because a fault
acts from the moment it is applied and `fault_on` is written when it has been read back, and it ends with
healing. What load steps and objectives without a scope measure leaves the disturbed time out.

Every planned fault is told, in the order of the plan; one that never came has no window. A fault that only the
events know stands behind them. A window that nobody closed (the run was cut off) ends with the last sample.
`healed` is None when there was nothing to heal; when no event tells, it is True only when nothing is left in
undo.jsonl: then the janitor has healed it, nobody knows when.

The effect of a fault is not told here (`impact`). A name stands for one fault; its first `fault_on` counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import (
    Event,
    FaultDid,
    FaultEvent,
    FaultHealed,
    FaultOff,
    FaultOn,
    FaultSkipped,
    FaultVerified,
)

LEAD_S: Final = 1.0
PLACEBO: Final = "noop"


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryTimes:
    """Canary times in ms through the link and beside it during the fault, and the expected delay."""

    through_ms: float | None = None
    beside_ms: float | None = None
    expected_ms: float | None = None
    added_ms: float | None = None  # the delay of the link alone, if it was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault of a run; each `why` is empty when there is nothing to explain."""

    name: str
    kind: str
    link: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    on_ns: int | None = None
    off_ns: int | None = None
    healed_ns: int | None = None
    verified: bool = False
    unverified_why: str = "events.jsonl does not say that it was verified"
    healed: bool | None = None
    unhealed_why: str = ""
    left: bool = True  # if it was not healed: whether it is still there after the run
    skipped_why: str = ""
    canaries: CanaryTimes = CanaryTimes()
    did: Mapping[str, int] | None = None  # what it did itself

    @property
    def window(self) -> Span | None:
        """[on, off); None when the fault was never applied."""
        return None if self.on_ns is None or self.off_ns is None else (self.on_ns, self.off_ns)

    @property
    def disturbed(self) -> Span | None:
        if self.on_ns is None or self.off_ns is None:
            return None
        return self.on_ns - int(LEAD_S * NS_PER_S), max(self.off_ns, self.healed_ns or 0)

    @property
    def placebo(self) -> bool:
        return self.kind == PLACEBO


def timeline(
    plan: Mapping[str, Any], events: Iterable[Event], last_ns: int, *, undone: bool
) -> tuple[PlannedFault, ...]:
    """Every fault; `undone`: the run directory says that nothing is left to be undone."""
    faults = {fault.name: fault for fault in _planned(plan)}
    # `fault_healed` is written when healing is proved, with the time of healing: so it is out of order.
    for event in sorted(events, key=lambda event: event.at_ns):
        if isinstance(event, FaultEvent):
            known = faults.get(event.name) or PlannedFault(name=event.name, kind="", link="")
            faults[event.name] = _told(known, event)
    return tuple(_closed(fault, last_ns, undone=undone) for fault in faults.values())


def disturbed(faults: Iterable[PlannedFault]) -> list[Span]:
    """The disturbed time of all faults, which belongs to no load step."""
    return [fault.disturbed for fault in faults if fault.disturbed is not None]


def _planned(plan: Mapping[str, Any]) -> Sequence[PlannedFault]:
    steps = plan.get("faults")
    return [
        PlannedFault(
            name=str(step.get("name")),
            kind=str(step.get("kind")),
            link=str(step.get("link")),
            parameters=step.get("parameters") or {},
        )
        for step in (steps if isinstance(steps, list) else [])
    ]


def _told(fault: PlannedFault, event: FaultEvent) -> PlannedFault:
    match event:
        case FaultOn():
            return _on(fault, event)
        case FaultVerified():
            return _verified(fault, event)
        case FaultOff():
            return replace(fault, off_ns=event.at_ns)
        case FaultHealed():
            why = "" if event.healed else event.why or "no reason was recorded"
            healed_ns = event.at_ns if event.healed else None
            return replace(fault, healed=event.healed, unhealed_why=why, healed_ns=healed_ns)
        case FaultDid():
            return replace(fault, did=dict(event.did))
        case FaultSkipped():
            return _skipped(fault, event)


def _on(fault: PlannedFault, event: FaultOn) -> PlannedFault:
    if fault.on_ns is not None:
        return fault
    link = fault.link if event.link is None else event.link
    parameters = event.parameters or fault.parameters
    return replace(fault, kind=event.kind, link=link, parameters=parameters, on_ns=event.at_ns)


def _verified(fault: PlannedFault, event: FaultVerified) -> PlannedFault:
    canaries = CanaryTimes(
        through_ms=event.through_ms,
        beside_ms=event.beside_ms,
        expected_ms=event.expected_ms,
        added_ms=event.added_ms,
    )
    why = "" if event.verified else event.why or "no reason was recorded"
    return replace(fault, verified=event.verified, unverified_why=why, canaries=canaries)


def _skipped(fault: PlannedFault, event: FaultSkipped) -> PlannedFault:
    kind, link = event.kind or fault.kind, event.link or fault.link
    return replace(fault, kind=kind, link=link, skipped_why=event.why or "no reason was recorded")


def _closed(fault: PlannedFault, last_ns: int, *, undone: bool) -> PlannedFault:
    if fault.on_ns is None:
        why = fault.skipped_why or "events.jsonl does not say that it was applied"
        return replace(fault, skipped_why=why, off_ns=None)
    off_ns = fault.off_ns if fault.off_ns is not None else fault.healed_ns
    fault = replace(fault, off_ns=max(fault.on_ns, last_ns if off_ns is None else off_ns))
    if fault.healed is None:
        return replace(
            fault,
            healed=undone,
            unhealed_why="" if undone else "events.jsonl does not say that it was healed",
        )
    return replace(fault, left=not undone)
