"""The band: the figures of one group of calls before a fault, and whether later calls are outside of it.

Three figures are compared, and each may be outside the band:

- `failed`: the share of failures among decided calls;
- `median`: the median response time of the ok calls;
- `slow`: the share of ok calls that are slow (`traces`: above the 90th percentile of before, plus a margin).
  This shows a slowdown of some calls, such as those of one shard or replica, which does not move the median.

Each is compared with the worst second before, and with what so few calls show by chance (`chance`), whichever
allows more. The median may be a quarter or 2 ms above that: services drift that much without cause, and a
shared machine adds that much to every call of a second. The share of slow calls may be a tenth (`SLOW_SHARE`)
above it: a machine that is busy for 100 ms delays a tenth of the calls of that second. Being faster is never
outside. Only seconds with `ENOUGH` calls can be the worst one, because fewer calls may be bad by chance.

A *row* of three seconds is compared, too. If each of the three has enough calls (`ENOUGH`, for the share of
slow calls `DENSE`), their middle median, and the slow calls without the worst second, are compared with the
*second-worst* second before: one odd second before excuses one odd second after, not three. With fewer calls,
the three are added up and compared with three seconds added up. Failures are always added up.

If two or more odd seconds before would hide slow calls (`ODD_SHARE`), the middle one of *seven* seconds is
compared with the middle ones of seven before: a slow shard is slow in all of them, an odd second is one of
seven.

A *long row* is for groups with few calls: as many seconds as hold `LONG` calls, added up and compared with
long rows before. Three seconds of such a group prove nothing.

An operation shares its machine with the rest of the load, so its band also allows what the whole load has
shown (`widened`): its own seconds have too few calls. One odd second after healing is ignored (`of_first`),
unless calls failed in it or its median is outside the band (for an operation, `GROSS` times): among many
operations, one always has such a second. Slow calls count only if a whole row has them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from harness.analysis.calls import latency
from harness.analysis.calls.calls import Ints
from harness.analysis.faults.traces import RELATIVE, Trace, allowed
from harness.analysis.statistics import chance
from harness.analysis.statistics.spans import Span

ROW: Final = 3
ENOUGH: Final = 10
DENSE: Final = 5
LONG: Final = 40
SLOW_SHARE: Final = 0.1
SEVEN: Final = 7
SEVEN_SHARE: Final = 0.15
ODD_SHARE: Final = 0.15
GROSS: Final = 3.0
USUAL: Final = 0.05

Sign = Literal["", "failed", "median", "slow", "silent"]


@dataclass(frozen=True, slots=True)
class CallCounts:
    """The counts of calls in a stretch of time."""

    ok: int
    failed: int
    slow: int
    median_ns: float

    @property
    def decided(self) -> int:
        return self.ok + self.failed

    @property
    def failed_share(self) -> float:
        return self.failed / self.decided if self.decided else 0.0

    @property
    def slow_share(self) -> float:
        return self.slow / self.ok if self.ok else 0.0


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst figures of the time before the fault."""

    median_ns: float = 0.0
    failed_share: float = 0.0
    slow_share: float = 0.0

    def at_least(self, load: "Worst", median_ns: float) -> "Worst":
        """Widen the band of an operation by the bad seconds of its load (`relative`: medians as multiples of its own)."""
        usual_ns = max(self.median_ns, median_ns * load.median_ns / RELATIVE)
        return replace(self, median_ns=usual_ns, slow_share=max(self.slow_share, load.slow_share))


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The band of one group, from its calls before the fault; `rare` is the allowed rate of false alarms."""

    whole: CallCounts
    durations_ns: Ints  # of the ok calls, sorted
    second: Worst
    second_but_one: Worst  # without the worst second
    row: Worst
    long: Worst
    seven: Worst  # the middle second of seven
    pause_longest_s: int
    calls_per_s: float
    rare: float
    is_operation: bool = False

    def of_second(self, part: CallCounts, rare: float) -> Sign:
        """Name the figure that is outside the band in one second; empty when none is."""
        return self._beyond(part, self.second, rare)

    def of_first(self, part: CallCounts) -> Sign:
        """The same before any second was out: one odd second counts only if calls fail or all slow down."""
        if self._fails(part, self.second, self.rare):
            return "failed"
        times = GROSS if self.is_operation else 1.0
        return "median" if self._is_late(part, self.second, self.rare, times) else ""

    def of_row(self, parts: Sequence[CallCounts], together: CallCounts, rare: float) -> Sign:
        """Name the figure that is outside the band in three seconds in a row; empty when none is."""
        if self._fails(together, self.row, rare):
            return "failed"
        if all(part.ok >= ENOUGH for part in parts):
            by_median = sorted(parts, key=lambda part: part.median_ns)[len(parts) // 2]
            late = self._is_late(by_median, self.second_but_one, rare)
        else:
            late = self._is_late(together, self.row, rare)
        if late:
            return "median"
        if all(part.ok >= DENSE for part in parts):
            return "slow" if self._has_slow(_but_worst(parts), self.second_but_one, rare) else ""
        return "slow" if self._has_slow(together, self.row, rare) else ""

    @property
    def is_odd(self) -> bool:
        """Whether odd seconds before the fault could hide slow calls in a row of three seconds."""
        return self.second_but_one.slow_share > ODD_SHARE

    def of_seven(self, parts: Sequence[CallCounts], rare: float) -> Sign:
        """Name the figure that is outside the band in the median of seven seconds."""
        return "slow" if parts and self._has_slow(_middle(parts), self.seven, rare, SEVEN_SHARE) else ""

    def of_long(self, together: CallCounts, rare: float) -> Sign:
        """Name the figure that is outside the band in a long row (`LONG` calls); empty when none is."""
        return self._beyond(together, self.long, rare)

    def pause_most_s(self, factor: int = 1) -> int:
        """The longest pause without a call, in seconds, that is not unusual."""
        return max(factor * self.pause_longest_s, chance.pause_most_s(self.calls_per_s, self.rare))

    def _beyond(self, part: CallCounts, worst: Worst, rare: float) -> Sign:
        if self._fails(part, worst, rare):
            return "failed"
        if self._is_late(part, worst, rare):
            return "median"
        return "slow" if self._has_slow(part, worst, rare) else ""

    def _fails(self, part: CallCounts, worst: Worst, rare: float) -> bool:
        by_chance = chance.failures_most(part.decided, self.whole.failed, self.whole.decided, rare)
        return part.failed > max(worst.failed_share * part.decided, by_chance)

    def _is_late(self, part: CallCounts, worst: Worst, rare: float, times: float = 1.0) -> bool:
        if not part.ok or not len(self.durations_ns):
            return False
        rank = chance.median_rank(part.ok, len(self.durations_ns), rare)
        if rank is None and rare == self.rare:  # so few calls prove nothing
            return False
        if rank is None:  # but what was out is not back with a call that is slower than any before
            rank = len(self.durations_ns) - 1
        return part.median_ns > times * allowed(max(worst.median_ns, float(self.durations_ns[rank])))

    def _has_slow(self, part: CallCounts, worst: Worst, rare: float, more: float = SLOW_SHARE) -> bool:
        if not part.ok or not self.whole.ok:
            return False
        by_chance = chance.failures_most(part.ok, self.whole.slow, self.whole.ok, rare)
        return part.slow > max((worst.slow_share + more) * part.ok, by_chance)


def count(trace: Trace) -> CallCounts:
    """The counts of a trace."""
    ok_ns = trace.ok_ns()
    return CallCounts(len(ok_ns), len(trace) - len(ok_ns), int(np.count_nonzero(trace.slow)), _median(ok_ns))


def make(before: Trace, seconds: Sequence[Span], rare: float) -> Band:
    """The band of a group, from its calls in these seconds."""
    back = sorted(seconds)
    whole = count(before)
    parts = [count(before.between(*one)) for one in back]
    odd = [_without_chance(part, whole) for part in parts]
    return Band(
        whole=whole,
        durations_ns=np.sort(before.ok_ns()),
        second=_worst(parts, 0),
        second_but_one=_worst(odd, 1),
        row=_worst([count(row) for row in _rows(before, back, _of_three)], 0),
        long=_worst([count(row) for row in _rows(before, back, _of_many)], 0),
        seven=_worst([_middle(parts[at : at + SEVEN]) for at in range(len(parts) - SEVEN + 1)], 0),
        pause_longest_s=_longest_pause(part.decided for part in parts),
        calls_per_s=len(before) / max(len(back), 1),
        rare=rare,
    )


def widened(band: Band, load: Band) -> Band:
    """The band of an operation that shares its machine with the rest of the load (the band of `relative` times)."""
    usual_ns = band.whole.median_ns
    return replace(
        band,
        is_operation=True,
        second=band.second.at_least(load.second, usual_ns),
        second_but_one=band.second_but_one.at_least(load.second_but_one, usual_ns),
        row=band.row.at_least(load.row, usual_ns),
        long=band.long.at_least(load.long, usual_ns),
        seven=band.seven.at_least(load.seven, usual_ns),
    )


def _but_worst(parts: Sequence[CallCounts]) -> CallCounts:
    """The counts of all seconds together, without the one with the largest share of slow calls."""
    rest = sorted(parts, key=lambda part: part.slow_share)[:-1]
    ok, failed, slow = (sum(getattr(part, name) for part in rest) for name in ("ok", "failed", "slow"))
    return CallCounts(ok, failed, slow, 0.0)


def _without_chance(part: CallCounts, whole: CallCounts) -> CallCounts:
    """The counts, without the slow calls if there are no more of them than chance explains."""
    usual = chance.failures_most(max(part.ok, 1), whole.slow, whole.ok, USUAL)
    return part if part.slow > usual else replace(part, slow=0)


def _middle(parts: Sequence[CallCounts]) -> CallCounts:
    return sorted(parts, key=lambda part: part.slow_share)[len(parts) // 2]


def _worst(parts: Sequence[CallCounts], without: int) -> Worst:
    """The worst of each figure, when so many of the worst are left out."""
    by_ok = [part for part in parts if part.ok >= ENOUGH]
    by_all = [part for part in parts if part.decided >= ENOUGH]
    columns = (
        [part.median_ns for part in by_ok],
        [part.failed_share for part in by_all],
        [part.slow_share for part in by_ok],
    )
    return Worst(*(_most(column, without) for column in columns))


def _most(values: Sequence[float], without: int) -> float:
    return max(sorted(values)[: len(values) - without] or [0.0])


def _of_three(seconds: int, calls: int) -> bool:  # noqa: ARG001 - the other kind of row asks for calls
    return seconds >= ROW


def _of_many(seconds: int, calls: int) -> bool:
    return seconds >= ROW and calls >= LONG


def _rows(
    before: Trace, seconds: Sequence[Span], is_long_enough: Callable[[int, int], bool]
) -> Iterable[Trace]:
    """From each second on, the shortest row that is long enough; gaps between seconds are ignored."""
    edges = np.searchsorted(before.at_ns, [edge for one in seconds for edge in one]).reshape(-1, 2)
    for first in range(len(seconds)):
        for last in range(first, len(seconds)):
            if is_long_enough(last - first + 1, int(edges[last, 1] - edges[first, 0])):
                yield before.take(slice(int(edges[first, 0]), int(edges[last, 1])))
                break


def _median(durations_ns: Ints) -> float:
    if not len(durations_ns):
        return 0.0
    at = latency.rank(len(durations_ns), 500)
    return float(np.partition(durations_ns, at)[at])


def _longest_pause(decided: Iterable[int]) -> int:
    longest = run = 0
    for many in decided:
        run = 0 if many else run + 1
        longest = max(longest, run)
    return longest
