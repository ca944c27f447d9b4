"""Stalls: times in which the harness, or a worker of it, did not run at all, and went on afterwards.

    harness   ----|                    |----     stopped (SIGSTOP, a debugger), its machine asleep or paused
    worker 0  -----------|         |--------     the same, for one of them

The harness says so itself (`conduct.stalls`). Of a worker its reports tell: there was none for GAP_S, and its probes of
scheduling lag were as late. (A gap without late probes is none: then reports are missing. `integrity.reports`.)

What was measured in such a time is not what was to be measured: faults lasted longer, users did not call, or they were
answered in a sleep that the clock did not count. So the run is unknown, and the steps are named. A shorter absence is a
matter of the error budget (`saturation`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.analysis.finding import Finding, unknown
from harness.analysis.health.worker_reports import reports
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.event_kinds import Event, Stalled, StepDone, StepRunning

GAP_S: Final = 3.0
OF_THE_GAP: Final = 0.8  # that a late probe explains, at least
HARNESS: Final = "the harness"


@dataclass(frozen=True, slots=True)
class Stall:
    """One part that did not run for a time; a sleep of the machine takes no time on the run's clock."""

    part: str
    start_ns: int
    end_ns: int
    length_ns: int
    asleep: bool = False


def find(events: Sequence[Event]) -> tuple[Stall, ...]:
    """All stalls, in the order in which they began."""
    of_harness = [_said(event) for event in events if isinstance(event, Stalled)]
    return tuple(sorted([*of_harness, *of_workers(events)], key=lambda one: (one.start_ns, one.part)))


def of_workers(events: Iterable[Event]) -> list[Stall]:
    """The stalls in the workers' reports; the late probe may be in the report after the gap, or the next."""
    by_worker: dict[int | None, list[Stall]] = {}
    waiting: dict[int | None, Stall] = {}
    for one in reports(events):
        stalls = by_worker.setdefault(one.worker, [])
        late_ns = int(max(one.lags_ms, default=0.0) * NS_PER_MS)
        before = waiting.pop(one.worker, None)
        if before is not None and late_ns >= before.length_ns * OF_THE_GAP:
            stalls.append(before)
        if one.length_ns < GAP_S * NS_PER_S:
            continue
        gap = Stall(f"worker {one.worker}", one.start_ns, one.end_ns, one.length_ns)
        if late_ns >= gap.length_ns * OF_THE_GAP:
            stalls.append(gap)
        else:
            waiting[one.worker] = gap
    return [one for stalls in by_worker.values() for one in stalls]


def findings(events: Sequence[Event]) -> list[Finding]:
    """One finding per group of stalls; stalls of workers count only if they touch a step."""
    results: list[Finding] = []
    spans = _steps(events)
    for together in _together(find(events)):
        start_ns, end_ns = min(one.start_ns for one in together), max(one.end_ns for one in together)
        felt = [index for index, (from_ns, to_ns) in spans.items() if from_ns <= end_ns and start_ns <= to_ns]
        if felt or any(one.part == HARNESS for one in together):
            results += unknown(_sentence(together, start_ns, felt))
    return results


def _said(event: Stalled) -> Stall:
    length_ns, asleep = int(event.for_ms * NS_PER_MS), bool(event.asleep)
    start_ns = event.at_ns if asleep else event.at_ns - length_ns
    return Stall(HARNESS, start_ns, event.at_ns, length_ns, asleep)


def _together(stalls: Sequence[Stall]) -> list[list[Stall]]:
    """Groups of stalls that overlap in time: when a machine sleeps, all parts stop at once."""
    groups: list[list[Stall]] = []
    for one in stalls:
        if groups and one.start_ns <= max(other.end_ns for other in groups[-1]):
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


def _steps(events: Iterable[Event]) -> dict[int, tuple[int, int]]:
    """The time of each step by index; a step without an end goes on."""
    spans: dict[int, tuple[int, int]] = {}
    for event in events:
        if isinstance(event, StepRunning):
            spans[event.index] = event.at_ns, 2**63 - 1
        elif isinstance(event, StepDone):
            begun_ns, _ = spans.get(event.index, (event.start_ns, 0))
            spans[event.index] = begun_ns, event.end_ns
    return spans


def _sentence(together: Sequence[Stall], start_ns: int, felt: Sequence[int]) -> str:
    names = sorted({one.part for one in together}, key=lambda name: (name != HARNESS, name))
    who = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    longest = max(together, key=lambda one: one.length_ns)
    how = "the machine was asleep" if longest.asleep else "stopped, or the machine paused"
    where = ""
    if felt:
        steps = ", ".join(str(index) for index in felt)
        where = f"; nothing of {'step' if len(felt) == 1 else 'steps'} {steps} can be trusted"
    at_s, for_s = start_ns / NS_PER_S, longest.length_ns / NS_PER_S
    return f"{who} did not run for {for_s:.1f} s, {at_s:.1f} s into the run ({how}){where}"
