"""Decide whether the server was measured, or the load generator.

A generator is *saturated* when it did not do what was asked of it, or when a large part of what it measured is its own:

- it added more than a tenth, and more than `OWN_MS`, to a percentile that is given: to p50, p95 or p99 of the whole
  measured part, to p50 or p95 of a step, or to a user's cycle in a step, which decides throughput (`error_budget`);
- a worker was away (it did not run at all, for `AWAY_LEAST_MS` or more at a time) for more than a tenth of a step;
- a worker used more than `CPU_MAX` of a core over a whole step.

(Arrivals that it did not look at in time: `arrivals`. Users who were not there: `crew`.)

Only what was measured while the steps were measured counts: a report tells of the time since the one before it, and is
weighted by how much of that is measured. What is told without users (before they start, after they have gone) never
counts; nor do, of processor and absence, reports of which the smaller part is measured. One bad second decides nothing:
what it did to the figures does.

The worst second of processor and of waiting for one, and the scheduling lag, are given as information.

A value is None when no worker reported it: that is not health, and the verdict treats it as unknown.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.analysis.calls.calls import OK, Calls
from harness.analysis.calls.latency import needed, percentiles
from harness.analysis.health import error_budget
from harness.analysis.health.error_budget import ErrorBudget
from harness.analysis.health.worker_reports import Report, listed, reports
from harness.analysis.levels.steps import Step
from harness.analysis.statistics import spans
from harness.analysis.statistics.rounding import show
from harness.analysis.statistics.spans import Span
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.event_kinds import Event, WorkerReport
from harness.scenario.catalogue import QUANTILES

OWN_SHARE: Final = 0.10  # of a figure that may be the generator's own
OWN_MS: Final = 1.0  # below this it is not large, whatever the figure
CPU_MAX: Final = 0.95  # share of a core, over a whole step
AWAY_MAX: Final = 0.10  # share of a step
AWAY_LEAST_MS: Final = 20.0
CLOCK_ERROR_MS_MAX: Final = 5.0  # between the clocks of workers on several machines

GIVEN: Final = ("p50", "p95", "p99")
GIVEN_OF_A_STEP: Final = ("p50", "p95")  # one stall in a short step is all of its p99

EXCESSES_SHOWN: Final = 2

NEARLY_NS: Final = NS_PER_S * 9 // 10  # reports come a little early or late


@dataclass(frozen=True, slots=True)
class Excess:
    """One way in which the generator was the bottleneck, in words; in one step, or (None) in all of them."""

    step: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Saturation:
    """The time that the generator added to the percentiles, and why that is too much, if it is."""

    added_ms: dict[str, float | None]
    excesses: tuple[Excess, ...] = ()

    def words(self) -> tuple[str, ...]:
        """The first few reasons; those about all steps come first, and are enough."""
        whole = [one.text for one in self.excesses if one.step is None]
        if whole:
            return tuple(whole)
        shown = [one.text for one in self.excesses[:EXCESSES_SHOWN]]
        left_out = len(self.excesses) - len(shown)
        if left_out:
            shown[-1] += f" (and {left_out} more of the kind)"
        return tuple(shown)


@dataclass(frozen=True, slots=True)
class Health:
    """How busy the workers were; None is a value that no worker reported."""

    cpu_max: float | None
    run_delay_max: float | None
    lag_ms_p99: float | None
    reported: bool  # any of them


def measure(events: Iterable[Event], measured: Sequence[Span]) -> Health:
    """The health values of `generator` in the summary."""
    sent = reports(events)
    where = list(measured) or [(0, spans.FOREVER)]
    inside = [(one, one.inside_ns(where)) for one in sent if _has_users(one)]
    return Health(
        cpu_max=_worst_second(inside, "cpu"),
        run_delay_max=_worst_second(inside, "run_delay"),
        lag_ms_p99=_lag_ms_p99(inside),
        reported=bool(sent),
    )


def judge(events: Iterable[Event], calls: Calls, steps: Sequence[Step]) -> Saturation:
    """The time that the generator added, over all steps and in each, and whether it was the bottleneck."""
    sent = reports(events)
    if not steps:
        return Saturation(dict.fromkeys(GIVEN))
    parts = [calls.between(step.start_ns, step.end_ns) for step in steps]
    budget = error_budget.of_reports(sent, [(step.start_ns, step.end_ns) for step in steps])
    added_ms = _added_ms(budget, parts)
    excesses = [*_too_much(added_ms, parts, None)]
    for step, part in zip(steps, parts, strict=True):
        span = [(step.start_ns, step.end_ns)]
        near = [one for one in sent if one.start_ns < step.end_ns and step.start_ns < one.end_ns]
        inside = [one for one in near if _has_users(one)]
        own = error_budget.of_part(budget, near, span)
        added = {name: value for name, value in _added_ms(own, [part]).items() if name in GIVEN_OF_A_STEP}
        excesses += _too_much(added, [part], step.index)
        excesses += _cycle(own.cycle_ms(part), own.held_ms(part), part, step.index)
        excesses += _absent([one for one in inside if one.inside_ns(span) * 2 >= one.length_ns], step.index)
    return Saturation(added_ms, tuple(excesses))


def _added_ms(budget: ErrorBudget, parts: Sequence[Calls]) -> dict[str, float | None]:
    """The time in ms that the generator added to each percentile with enough calls above it."""
    count = sum(part.count(OK) for part in parts)
    names = [name for name in GIVEN if count >= needed(QUANTILES[name])]
    values = budget.added_to(parts, [QUANTILES[name] for name in names]) if names else []
    known = {
        name: None if value is None else round(value, 3) for name, value in zip(names, values, strict=True)
    }
    return dict.fromkeys(GIVEN) | known


def _too_much(added_ms: dict[str, float | None], parts: Sequence[Calls], step: int | None) -> list[Excess]:
    """The excess of the percentile of which the generator made up the largest share."""
    if not any(value is not None and value > OWN_MS for value in added_ms.values()):
        return []
    observed = percentiles(np.concatenate([part.response_ns() for part in parts]), added_ms)
    large = [
        (value / (observed_ns / NS_PER_MS), name, value, observed_ns / NS_PER_MS)
        for name, value in added_ms.items()
        if value is not None and value > OWN_MS and (observed_ns := observed[name])
    ]
    share, name, value, observed_ms = max(
        large, key=lambda one: round(one[0], 3), default=(0.0, "", 0.0, 0.0)
    )
    if share <= OWN_SHARE:
        return []
    return [_own(value, name, observed_ms, step)]


def _cycle(added_ms: float | None, held_ms: float, part: Calls, step: int) -> list[Excess]:
    """The excess of the generator's share in a user's cycle, from one call to the next."""
    if added_ms is None or added_ms <= OWN_MS:
        return []
    cycle_ms = float(part.response_ns().mean()) / NS_PER_MS + held_ms
    return [_own(added_ms, "mean", cycle_ms, step)] if added_ms > OWN_SHARE * cycle_ms else []


def _own(added_ms: float, name: str, observed_ms: float, step: int | None) -> Excess:
    of = "the measured part" if step is None else f"step {step}"
    figure = (
        f"a {name} of {show(observed_ms, 'ms')}" if name != "mean" else f"{show(observed_ms, 'ms')} a call"
    )
    text = f"it added {show(added_ms, 'ms')} of its own to {figure} over {of} (limit {OWN_SHARE:.0%})"
    return Excess(step, text)


def _absent(inside: Sequence[Report], step: int) -> list[Excess]:
    """The excess of workers that had no processor time left, or did not run."""
    excesses = []
    by_worker: dict[int | None, list[Report]] = defaultdict(list)
    for one in inside:
        by_worker[one.worker].append(one)
    for worker_reports in by_worker.values():
        whole_ns = sum(one.length_ns for one in worker_reports)
        used = [(float(one.said.cpu), one.length_ns) for one in worker_reports if one.said.cpu is not None]
        cpu = sum(share * ns for share, ns in used) / max(sum(ns for _, ns in used), 1)
        away = sum(_away_ns(one) for one in worker_reports) / max(whole_ns, 1)
        if cpu > CPU_MAX:
            excesses.append(
                Excess(step, f"a worker used {cpu:.0%} of a core over step {step} (limit {CPU_MAX:.0%})")
            )
        if away > AWAY_MAX:
            excesses.append(
                Excess(step, f"a worker did not run for {away:.0%} of step {step} (limit {AWAY_MAX:.0%})")
            )
    return excesses


def _away_ns(report: Report) -> float:
    return sum(lag - AWAY_LEAST_MS for lag in report.lags_ms if lag > AWAY_LEAST_MS) * NS_PER_MS


def read_ms_p99(events: Iterable[Event]) -> float | None:
    """The p99 of the time in ms that replies lay in the kernel before a worker read them; None if unknown."""
    delays = [
        float(one) for event in events if isinstance(event, WorkerReport) for one in listed(event.read_ms)
    ]
    return round(float(np.percentile(delays, 99)), 3) if delays else None


def seconds(parts: Sequence[tuple[int, float]]) -> list[float]:
    """For each piece of time (length_ns, share): the mean share over the second that ends with it."""
    lengths, shares = np.array(parts, dtype=float).reshape(-1, 2).T
    if not len(lengths):
        return []
    ends = np.cumsum(lengths)
    spent = np.concatenate([[0.0], np.cumsum(shares * lengths)])
    times = np.concatenate([[0.0], ends])
    since = np.maximum(np.searchsorted(times, ends - NEARLY_NS, side="right") - 1, 0)
    whole = ends >= min(NEARLY_NS, ends[-1])
    over: list[float] = ((spent[1:] - spent[since]) / (ends - times[since])).round(4)[whole].tolist()
    return over


def _has_users(report: Report) -> bool:
    """Whether the report may say how busy its worker was: not if it says that there were no users."""
    return report.said.users != 0


def _worst_second(inside: Sequence[tuple[Report, int]], gauge: str) -> float | None:
    """The worst second of any worker, within the measured time; the mean of a shorter time."""
    shares: dict[int | None, list[tuple[int, float]]] = defaultdict(list)
    for report, inside_ns in inside:
        if inside_ns and (share := getattr(report.said, gauge)) is not None:
            shares[report.worker].append((inside_ns, float(share)))
    return max((share for parts in shares.values() for share in seconds(parts)), default=None)


def _lag_ms_p99(inside: Sequence[tuple[Report, int]]) -> float | None:
    """The p99 of the lag probes in ms, weighted by the share of their report that is measured."""
    weighed = [
        (lag_ms, inside_ns / report.length_ns)
        for report, inside_ns in inside
        if inside_ns
        for lag_ms in report.lags_ms
    ]
    if not weighed:
        return None
    lags, weights = np.array(sorted(weighed)).T
    below = np.cumsum(weights)
    return round(float(lags[np.searchsorted(below, 0.99 * below[-1] * (1 - 1e-9))]), 3)
