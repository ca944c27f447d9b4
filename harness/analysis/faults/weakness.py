"""Weaknesses that a resilience matrix recognises, each by name and in a sentence. Pure.

A name stands for one way to be broken. The reference server can be broken in these ways on purpose
(`harness serve --break NAME`). A weakness is named only when its signs are distinct:

- *ack-before-commit*: acknowledged work is missing that was new when a fault came, while older work is there.
- *no-durability*: everything that had been acknowledged for a while was gone after a crash; or sessions were, after
  a crash of PostgreSQL, that outlive a restart of the server.
- *sessions-in-memory*: sessions were lost when the server's processes ended, and at no other time.
- *greedy-cleanup*: sessions were lost while no process had ended, so nothing can have forgotten them.
- *slow-leak*: in most rows the server's memory grew with the calls, by `LEAK_BYTES` a call or more.

Weaknesses that faults cannot show are not here: a client sees another client's data (leaky-context), a server
accepts any key (open-door).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from harness.analysis.calls.calls import Calls
from harness.analysis.faults.matrix import Row
from harness.analysis.levels.steps import Step
from harness.analysis.statistics.spans import Span
from harness.run_directory.event_kinds import Event, TargetSeen
from harness.run_directory.results import Weakness
from harness.scenario.catalogue import ROLLING, where

ENDING: Final = frozenset({"kill", "restart", ROLLING})  # kinds of faults in which processes end
LEAK_BYTES: Final = 20_000  # a call: below that it is caches and fragments
LEAK_LEAST_MB: Final = 20.0  # less is a server that warms up
LEAK_CALLS: Final = 100
LEAK_ROWS: Final = 2


def find(
    rows: Sequence[Row], calls: Calls, steps: Sequence[Step], events: Sequence[Event]
) -> tuple[Weakness, ...]:
    """The weaknesses found, each at most once."""
    weaknesses = (_early(rows), _volatile(rows), _forgetful(rows), _greedy(rows), _leak(calls, steps, events))
    return tuple(one for one in weaknesses if one is not None) if rows else ()


def _early(rows: Sequence[Row]) -> Weakness | None:
    hit = [
        row for row in rows if row.work and row.work.missing and not row.work.wiped and row.work.older_kept
    ]
    many = sum(row.work.missing for row in hit if row.work)
    if not hit:
        return None
    return Weakness(
        "ack-before-commit",
        f"{many:,} acknowledged {'entry was' if many == 1 else 'entries were'} lost {_when(hit)}, and older ones were "
        "not: writes are acknowledged before they are committed",
    )


def _volatile(rows: Sequence[Row]) -> Weakness | None:
    if wiped := [row for row in rows if row.work and row.work.wiped]:
        seen = f"everything that had been acknowledged before was gone {_after(wiped)}"
    else:
        crashed = [row for row in rows if row.sessions_lost and _kinds(row, "postgres") == {"kill"}]
        if not crashed or _lost_at_target(rows) or _lost_meanwhile(rows):
            return None
        seen = f"sessions were gone {_after(crashed)}"
    return Weakness("no-durability", f"{seen}: what is stored does not survive a crash of its store")


def _forgetful(rows: Sequence[Row]) -> Weakness | None:
    hit = _lost_at_target(rows)
    if not hit or _lost_meanwhile(rows):
        return None
    return Weakness(
        "sessions-in-memory",
        f"{_found_gone(hit)} {_after(hit)}: sessions are kept in the process",
    )


def _greedy(rows: Sequence[Row]) -> Weakness | None:
    hit = _lost_meanwhile(rows)
    if not hit:
        return None
    return Weakness(
        "greedy-cleanup",
        f"{_found_gone(hit)} while no process had ended "
        f"({', '.join(row.name for row in hit[:3])}): the clean-up deletes sessions that are merely idle",
    )


def _found_gone(hit: Sequence[Row]) -> str:
    lost = sum(row.sessions_lost for row in hit)
    return "1 call found its session gone" if lost == 1 else f"{lost:,} calls found their session gone"


def _lost_at_target(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.sessions_lost and _kinds(row, "target") & ENDING]


def _lost_meanwhile(rows: Sequence[Row]) -> list[Row]:
    """The rows in which sessions were lost although no process ended."""
    return [row for row in rows if row.sessions_lost and not {one.fault.kind for one in row.impacts} & ENDING]


def _kinds(row: Row, link: str) -> set[str]:
    return {one.fault.kind for one in row.impacts if one.fault.link == link}


_DONE: Final = {
    "kill": "was killed",
    "restart": "was restarted",
    ROLLING: "was replaced",
    "down": "was cut",
    "pause": "was paused",
}


def _when(rows: Sequence[Row]) -> str:
    return "when " + _happened(rows)


def _after(rows: Sequence[Row]) -> str:
    return "after " + _happened(rows)


def _happened(rows: Sequence[Row]) -> str:
    """Say what happened: `the target was killed, or PostgreSQL was restarted`."""
    verbs = [
        f"{where(row.last.fault.link)} {_DONE.get(row.last.fault.kind, f'had {row.last.fault.kind}')}"
        for row in rows
    ]
    return " or ".join(list(dict.fromkeys(verbs))[:3])


def _leak(calls: Calls, steps: Sequence[Step], events: Sequence[Event]) -> Weakness | None:
    """The weakness slow-leak: memory grew with the calls in at least half of the steps; else None."""
    memory = [
        (event.at_ns, float(event.rss_mb))
        for event in events
        if isinstance(event, TargetSeen) and event.rss_mb
    ]
    grown = sorted(
        each for step in steps if (each := _growth(calls, memory, (step.start_ns, step.end_ns))) is not None
    )
    if len(grown) < max(LEAK_ROWS, len(steps) / 2):
        return None
    return Weakness(
        "slow-leak",
        f"the server's memory grew by {grown[len(grown) // 2] / 1000:,.0f} KB a call, in {len(grown)} of {len(steps)} "
        "rows: each call leaves something behind",
    )


def _growth(calls: Calls, memory: Sequence[tuple[int, float]], span: Span) -> float | None:
    """Bytes per call in the longest stretch of a step without a fall in memory; None when that is small."""
    inside = [one for one in memory if span[0] <= one[0] < span[1]]
    stretches: list[list[tuple[int, float]]] = [[]]
    for one in inside:
        if stretches[-1] and one[1] < stretches[-1][-1][1]:
            stretches.append([])
        stretches[-1].append(one)
    longest = max(stretches, key=len)
    if not longest:
        return None
    (from_ns, low_mb), (to_ns, high_mb) = longest[0], longest[-1]
    many = int(np.count_nonzero((calls.done_ns >= from_ns) & (calls.done_ns < to_ns)))
    each = (high_mb - low_mb) * 1e6 / max(many, 1)
    return each if many >= LEAK_CALLS and high_mb - low_mb >= LEAK_LEAST_MB and each >= LEAK_BYTES else None
