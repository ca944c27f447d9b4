"""The calls around a fault, by operation, as plain arrays; recovery is measured from them.

Definitions. A trace is the decided calls (ok or failed) of one *group*, sorted by intended start: the load as a whole,
or one operation. It has two parts: *before* are the calls of the seconds that the band is made of, without those that
a fault touched; *after* are those that began in the observed time after healing.

A call is *slow* when it was ok and took longer than was usual for its own operation: more than the `HIGH` quantile of
the ok calls before, and a quarter or 2 ms on top (`allowed`). An operation with fewer than `LEAST_OK` ok calls before
has no such limit of its own; that of the whole load stands in. So "how many calls are slow" can be asked of the load
as a whole, however different its operations are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from harness.analysis.calls import latency
from harness.analysis.calls.calls import FAILED, NEITHER, Calls, Ints, in_load
from harness.analysis.faults import exposure
from harness.analysis.statistics import spans
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_S
from harness.mcp import operations

Flags = npt.NDArray[np.bool_]

HIGH: Final = 900  # per mille
LEAST_OK: Final = 20
MARGIN: Final = 0.25
MARGIN_NS: Final = 2_000_000
RELATIVE: Final = 1_000_000  # a relative time of 1
LOAD: Final = ""  # the name of the group of all calls of the load


def allowed(usual_ns: float) -> float:
    """The longest time that does not yet count as slower than usual: a quarter more, or 2 ms."""
    return usual_ns + max(MARGIN * usual_ns, MARGIN_NS)


@dataclass(frozen=True, slots=True)
class Trace:
    """Columns of equal length, sorted by intended start."""

    at_ns: Ints
    took_ns: Ints
    failed: Flags
    slow: Flags

    def __len__(self) -> int:
        return len(self.at_ns)

    def between(self, start_ns: int, end_ns: int) -> "Trace":
        first, last = np.searchsorted(self.at_ns, (start_ns, end_ns))
        return self.take(slice(int(first), int(last)))

    def take(self, rows: Any) -> "Trace":
        return Trace(self.at_ns[rows], self.took_ns[rows], self.failed[rows], self.slow[rows])

    def ok_ns(self) -> Ints:
        """The durations of the ok calls, in ns."""
        durations: Ints = self.took_ns[~self.failed]
        return durations

    def second(self, start_ns: int) -> "Trace":
        return self.between(start_ns, start_ns + NS_PER_S)


@dataclass(frozen=True, slots=True)
class CallGroup:
    """One operation, or the whole load (`LOAD`): its calls before the fault and after healing."""

    name: str
    before: Trace
    after: Trace
    slow_ns: float  # a call that took longer is slow; of the load: if its operation has no limit of its own
    relative: Trace | None = None  # of the load before: times in multiples of the median of their operation


def split(calls: Calls, back: Sequence[Span], after: Span, disturbed: Iterable[Span]) -> dict[str, CallGroup]:
    """The load first, then each operation; openings of sessions have groups but are no part of the load."""
    past = _before(calls, back, list(disturbed))
    later = calls.between(*after)
    known = calls.names["operation"]
    parts = [part.take(part.kind != NEITHER) for part in (past, later)]
    codes = [part.operation.astype(np.int64) for part in parts]
    of_load = [in_load(part.operation, known, part.kind) for part in parts]
    orders = [np.argsort(code.astype(np.int16), kind="stable") for code in codes]
    took = [part.done_ns - part.intended_ns for part in parts]
    failed = [part.kind == FAILED for part in parts]
    everybody_ns = _usual_ns(took[0][of_load[0] & ~failed[0]])
    slow_ns = np.full(len(known) + 1, everybody_ns)
    median_ns = np.ones(len(known) + 1)
    where = [_ranges(code[order], len(known)) for code, order in zip(codes, orders, strict=True)]
    for code, (first, last) in where[0].items():
        durations = took[0][orders[0][first:last]][~failed[0][orders[0][first:last]]]
        slow_ns[code] = _usual_ns(durations) if len(durations) >= LEAST_OK else everybody_ns
        median_ns[code] = max(1.0, float(np.median(durations))) if len(durations) else 1.0
    traces = [
        Trace(part.intended_ns, time, bad, ~bad & (time > slow_ns[code]))
        for part, time, bad, code in zip(parts, took, failed, codes, strict=True)
    ]
    past_load, later_load = (trace.take(mine) for trace, mine in zip(traces, of_load, strict=True))
    pace = (took[0] * RELATIVE / median_ns[codes[0]]).astype(np.int64)[of_load[0]]
    groups = {LOAD: CallGroup(LOAD, past_load, later_load, everybody_ns, replace(past_load, took_ns=pace))}
    for code, name in enumerate(known):
        rows = [order[slice(*ranges.get(code, (0, 0)))] for order, ranges in zip(orders, where, strict=True)]
        if any(map(len, rows)) and (name in operations.OPENING or not operations.is_protocol(name)):
            past_rows, later_rows = rows
            groups[name] = CallGroup(
                name, traces[0].take(past_rows), traces[1].take(later_rows), float(slow_ns[code])
            )
    return groups


def _before(calls: Calls, back: Sequence[Span], disturbed: Sequence[Span]) -> Calls:
    """The calls of these seconds (newest first, with gaps for other faults) that no fault touched."""
    if not back:
        return calls.take(slice(0))
    rest = calls.between(back[-1][0], back[0][1])
    if not len(rest):
        return rest
    inside = np.zeros(len(rest), dtype=np.bool_)
    for one in spans.union(back):
        inside[slice(*np.searchsorted(rest.intended_ns, one))] = True
    rest = rest.take(inside)
    until_ns = int(rest.done_ns.max()) + 1 if len(rest) else back[0][1]
    near = [span for span in disturbed if spans.meets((back[-1][0], until_ns), [span])]
    return exposure.untouched(rest, near)


def _ranges(codes: Ints, many: int) -> Mapping[int, tuple[int, int]]:
    """The range of each operation in sorted codes."""
    edges = np.searchsorted(codes, np.arange(many + 1))
    ranges = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return {code: edge for code, edge in enumerate(ranges) if edge[0] < edge[1]}


def _usual_ns(durations_ns: Ints) -> float:
    if not len(durations_ns):
        return float("inf")
    at = latency.rank(len(durations_ns), HIGH)
    return allowed(float(np.partition(durations_ns, at)[at]))
