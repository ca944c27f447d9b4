"""The error budget: how much of a response time was the load generator's own work, and not the server's.

    ready -----late----- sent ......... the server ......... in the kernel -----held----- known
          |                     response time              |
          |                     cycle of a user of closed load without thinking           |

Definitions. A call is done when its reply came in, by the kernel's own time stamp. What the generator *added* to its
response time is the time between the moment its user was ready and the moment it was sent. How long the reply was *held*
before its user knew of it is no part of the response time, but of the user's cycle, which decides throughput.
Workers sample one call in so many (all of them when there are few) and report each call that they sent noticeably late,
and the means of the others.

What was added to a percentile is the difference between the percentile of the response times as they were measured and
as they would have been without what was added. It is not the percentile of what was added: a delay of 50 ms that hits
calls which were quick anyway moves no p99. Delay and call belong together (they are matched by the time the call was
done), so nothing is assumed about whether slow calls are delayed more or less often than others.

    measured     5 5 5 5 5 5 5 5 5 15    p90 = 5, p100 = 15
    added        0 0 0 0 0 0 0 0 0 10
    without it   5 5 5 5 5 5 5 5 5 5     added to p90: 0, to p100: 10        (tests/analysis/health/test_error_budget.py)

Without kernel time stamps (TLS, other platforms, runs of older versions) the scheduling lag is used instead:
how late a sleeping task is woken. Which calls were delayed is not known, so in each report the longest lag is
assigned to the slowest call. This estimates too much rather than too little.

It does not see delays between reading the clock and sending, nor the effect of a busy generator on a server
on the same machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from harness.analysis.calls.calls import OK, Calls, Codes, Ints
from harness.analysis.calls.latency import rank
from harness.analysis.health.worker_reports import Report, reports
from harness.analysis.statistics import spans
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS
from harness.run_directory.event_kinds import Event

PROBE_NS: Final = 50 * NS_PER_MS  # how often the generator looks at its own lag
NS_PER_US: Final = 1_000

Some = Calls | Sequence[Calls]  # calls, in one lot or in several


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """The time that the generator added to each sampled call."""

    done_ns: Ints  # of the calls that it delayed noticeably, in order; so are the next two
    added_ns: Ints
    stands_for: Ints  # so many calls: one in so many was sampled
    sampled: tuple[
        Report, ...
    ] = ()  # reports that tell on average what it added to the other calls, and held
    lagging: tuple[Report, ...] = ()  # reports without kernel time stamps

    @property
    def is_known(self) -> bool:
        """Whether the generator reported anything of the kind."""
        return bool(self.sampled or self.lagging)

    def added_ms(self, calls: Some, per_mille: int, beyond: int = 0) -> float | None:
        """The time that the generator added to this percentile of the ok calls; None when it is not known.

        `beyond`: how many calls count as infinitely slow, and so lie above all of them.
        """
        return self.added_to(calls, [per_mille], beyond)[0]

    def added_to(self, calls: Some, per_milles: Sequence[int], beyond: int = 0) -> list[float | None]:
        """The time that the generator added to each of these percentiles, in ms; None when unknown."""
        answered = _Answered.of(calls)
        if not self.is_known or not len(answered):
            return [None] * len(per_milles)
        order = _Order.of(answered.response_ns, *self._delayed(answered))
        count = len(answered) + beyond
        others_ns = self._mean_ns(answered, "added_others_us")
        return [_shift_ms(order, rank(count, per_mille), others_ns) for per_mille in per_milles]

    def cycle_ms(self, calls: Some) -> float | None:
        """The time that the generator added to a user's cycle on average, in ms; None when unknown."""
        added_ms = self.mean_ms(calls)
        return None if added_ms is None else added_ms + self.held_ms(calls)

    def held_ms(self, calls: Some) -> float:
        """How long a reply was held on average before its user received it, in ms."""
        return self._mean_ns(_Answered.of(calls), "held_us") / NS_PER_MS

    def mean_ms(self, calls: Some) -> float | None:
        """The time that the generator added to an ok call on average, in ms; None when unknown."""
        answered = _Answered.of(calls)
        if not self.is_known or not len(answered):
            return None
        _, added_ns, stands_for = self._delayed(answered)
        whole_ns = float((added_ns * stands_for).sum()) / len(answered)
        return (whole_ns + self._mean_ns(answered, "added_others_us")) / NS_PER_MS

    def _mean_ns(self, answered: "_Answered", gauge: str) -> float:
        """The mean of what reports tell of their calls, in ns; each counts as often as it has of these calls.

        A report of slow times is about few calls. Weighted by time, it would say too much.
        """
        sampled = [(us, one) for one in self.sampled if (us := getattr(one.said, gauge)) is not None]
        calls = answered.ended_in([one for _, one in sampled])
        whole_us = sum(float(us) * count for (us, _), count in zip(sampled, calls, strict=True))
        return whole_us / max(sum(calls), 1) * NS_PER_US

    def _delayed(self, answered: "_Answered") -> tuple[Ints, Ints, Ints]:
        """The rows of the delayed calls, their delays in ns, and how many calls each represents."""
        delays = [self._sampled(answered), *(_lagged(answered, report) for report in self.lagging)]
        rows, added_ns, stands_for = (np.concatenate(parts) for parts in zip(*delays, strict=True))
        return rows, added_ns, stands_for

    def _sampled(self, answered: "_Answered") -> tuple[Ints, Ints, Ints]:
        if not len(self.done_ns):
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty, empty
        at = np.minimum(np.searchsorted(self.done_ns, answered.done_ns), len(self.done_ns) - 1)
        rows = np.flatnonzero(self.done_ns[at] == answered.done_ns)
        return rows, self.added_ns[at[rows]], self.stands_for[at[rows]]


@dataclass(frozen=True, slots=True)
class _Answered:
    """The ok calls, from one group of calls or several."""

    done_ns: Ints
    response_ns: Ints
    worker: Codes

    def ended_in(self, of_workers: Sequence[Report]) -> list[int]:
        """For each report, how many calls of its worker ended in its time."""
        done: dict[int | None, Ints] = {
            worker: np.sort(self.done_ns if worker is None else self.done_ns[self.worker == worker])
            for worker in {one.worker for one in of_workers}
        }
        edges = [
            np.searchsorted(done[one.worker], [one.start_ns, one.end_ns], side="right") for one in of_workers
        ]
        return [int(end - start) for start, end in edges]

    @classmethod
    def of(cls, calls: Some) -> "_Answered":
        lots = [calls] if isinstance(calls, Calls) else calls
        ok = [lot.kind == OK for lot in lots]
        columns = [
            (lot.done_ns[mask], lot.intended_ns[mask], lot.worker[mask])
            for lot, mask in zip(lots, ok, strict=True)
        ]
        if not columns:
            empty = np.zeros(0, dtype=np.int64)
            return cls(empty, empty, empty)
        done_ns, intended_ns, worker = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        return cls(done_ns, done_ns - intended_ns, worker)

    def __len__(self) -> int:
        return len(self.done_ns)


@dataclass(frozen=True, slots=True)
class _Order:
    """The response times in order, as measured and as they would be without the delays."""

    observed_ns: Ints  # sorted
    times_ns: Ints  # sorted
    below: Ints  # how many calls would lie at or below each of those times

    @classmethod
    def of(cls, response_ns: Ints, rows: Ints, added_ns: Ints, stands_for: Ints) -> "_Order":
        """Move each delayed call to its earlier time, together with the calls that it represents."""
        observed_ns = np.sort(response_ns)
        if not len(rows):
            return cls(observed_ns, observed_ns, np.arange(1, len(observed_ns) + 1))
        delayed_ns = response_ns[rows]
        earlier_ns = delayed_ns - np.minimum(added_ns, delayed_ns)
        moved_ns = np.concatenate([earlier_ns, delayed_ns])
        order = np.argsort(moved_ns, kind="stable")
        moved_ns, more = moved_ns[order], np.concatenate([stands_for, -stands_for])[order]
        places = np.searchsorted(observed_ns, moved_ns)
        times_ns = np.insert(observed_ns, places, moved_ns)
        below = np.cumsum(np.insert(np.ones(len(observed_ns), np.int64), places, more))
        last = np.append(times_ns[1:] != times_ns[:-1], [True])  # of equal times the last one has them all
        return cls(observed_ns, times_ns[last], below[last])

    def shift_ns(self, at: int) -> int:
        """How much later the call at this place is than it would be without the delays, in ns."""
        earliest = int(self.times_ns[np.argmax(self.below > at)])
        return max(0, int(self.observed_ns[at]) - earliest)


def _shift_ms(order: _Order, at: int, others_ns: float) -> float:
    if at >= len(order.observed_ns):
        return 0.0  # infinitely slow, with or without the generator
    return (order.shift_ns(at) + others_ns) / NS_PER_MS


def measure(events: Iterable[Event], measured: Sequence[Span]) -> ErrorBudget:
    """The budget of the measured spans, from the workers' reports; of the whole run if there are no spans."""
    return of_reports(reports(events), measured)


def of_reports(of_workers: Sequence[Report], measured: Sequence[Span]) -> ErrorBudget:
    """The same from reports. Delayed calls are matched by completion, even after the measured time."""
    listed = [_listed(one) for one in of_workers if one.said.added_each]
    columns = np.concatenate(listed) if listed else np.zeros((0, 3), dtype=np.int64)
    columns = columns[np.argsort(columns[:, 0], kind="stable")]
    return of_part(ErrorBudget(columns[:, 0], columns[:, 1], columns[:, 2]), of_workers, measured)


def of_part(budget: ErrorBudget, of_workers: Sequence[Report], measured: Sequence[Span]) -> ErrorBudget:
    """The budget of a part of the time."""
    where = list(measured) or [(0, spans.FOREVER)]
    inside = [one for one in of_workers if spans.meets((one.start_ns, one.end_ns), where)]
    sampled = tuple(one for one in inside if one.said.added_each)
    lagging = tuple(one for one in inside if not one.said.added_each and one.lags_ms)
    return replace(budget, sampled=sampled, lagging=lagging)


def _listed(report: Report) -> Ints:
    """One row per delayed call: completion, time added, and how many calls it represents."""
    pairs = np.array(report.said.added or [], dtype=np.int64).reshape(-1, 2)
    each = np.full(len(pairs), int(report.said.added_each or 0))
    return np.column_stack([report.end_ns - pairs[:, 0], pairs[:, 1] * NS_PER_US, each])


def _lagged(calls: _Answered, report: Report) -> tuple[Ints, Ints, Ints]:
    """Assign the longest lags to the slowest calls that ended in the time of this report."""
    ended = (calls.done_ns > report.start_ns) & (calls.done_ns <= report.end_ns)
    if (worker := report.worker) is not None:
        ended &= calls.worker == worker
    rows = np.flatnonzero(ended)
    slowest = rows[np.argsort(calls.response_ns[rows], kind="stable")[::-1]]
    waits_ns = _waits_ns(report.lags_ms)
    places = np.arange(len(rows)) * len(waits_ns) // max(len(rows), 1)
    return slowest, waits_ns[places], np.ones(len(rows), dtype=np.int64)


def _waits_ns(lags_ms: Sequence[float]) -> Ints:
    """The waits that a lag implies: probes that were due during a long lag would have waited, too."""
    waits: list[np.ndarray] = []
    for lag_ms in lags_ms:
        lag_ns = int(max(lag_ms, 0.0) * NS_PER_MS)
        waits.append(np.arange(lag_ns, -1, -PROBE_NS, dtype=np.int64) if lag_ns else np.zeros(1, np.int64))
    return np.sort(np.concatenate(waits))[::-1]
