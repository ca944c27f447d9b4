"""Check that calls worked at all: a run in which almost nothing succeeded fails, whatever its objectives are.

Rules. Only the measured time of the load steps counts, without the time of faults.

- No call of the load succeeded in the whole run: a failure.
- No call succeeded, and none failed (a server that asks for input for ever): unknown.
- No call succeeded in a measured step: a failure.
- A ramp broke at its first level: a failure, because it has not shown what the server holds.
- More calls failed than succeeded: a failure.

The last two of them do not apply if an objective bounds the success or the failures of calls.

If a ramp broke above a good level, it has served its purpose: the level at which it broke is left out. A
resilience matrix judges each fault by itself, so only the first rule applies to it. So do trials of a search for capacity, which
go beyond what the server holds on purpose.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from harness.analysis.finding import Finding, unknown
from harness.analysis.levels import breaking_point
from harness.analysis.levels.capacity import SEARCHED
from harness.analysis.statistics.rounding import show
from harness.foundation import errors
from harness.run_directory.results import BreakingPoint, StepResult, Summary

SPEAKS_OF_SUCCESS: Final = frozenset({"success_rate", "failed", "rate_limited", "unauthorized"})
STEPS_MOST: Final = 3


def findings(summary: Summary, metrics: Iterable[str]) -> list[Finding]:
    """Why the calls of a run did not work; `metrics` are the metrics of its objectives."""
    totals, most, breaking = summary.totals, commonest(summary), summary.breaking_point
    broke_above_good = _broke_above_good(breaking)
    if totals.failed and not totals.ok:
        return [] if broke_above_good else [_failure(f"none of {totals.failed:,} calls succeeded", most)]
    if totals.neither and not totals.ok:
        return unknown(
            f"no call was answered: {totals.neither:,} were given up, or asked for input, and none succeeded"
        )
    if summary.matrix:
        return []
    rows = [
        step
        for step in summary.steps
        if step.kind != SEARCHED and not (broke_above_good and breaking_point.is_at(step, breaking))
    ]
    if dead := _dead_steps(rows, most):
        return dead
    if not SPEAKS_OF_SUCCESS.isdisjoint(metrics):
        return []
    return _mostly_failed(rows, most) or _broke_at_once(breaking, most)


def commonest(summary: Summary) -> str:
    """The most frequent failure and its text; empty when no call failed."""
    if not summary.failures:
        return ""
    first = summary.failures[0]
    return f"{first.outcome}: {first.detail}" if first.detail else first.outcome


def _broke_above_good(broken_level: BreakingPoint | None) -> bool:
    return bool(broken_level and (broken_level.last_good_users or broken_level.good_rate))


def _dead_steps(rows: Sequence[StepResult], most: str) -> list[Finding]:
    dead = [row for row in rows if row.failed and not row.ok]
    if not dead:
        return []
    named = ", ".join(str(row.index + 1) for row in dead[:STEPS_MOST])
    more = f" and {len(dead) - STEPS_MOST} more" if len(dead) > STEPS_MOST else ""
    failed = sum(row.failed for row in dead)
    return [_failure(f"no call succeeded in step {named}{more} of {len(rows)}: all {failed:,} failed", most)]


def _mostly_failed(rows: Sequence[StepResult], most: str) -> list[Finding]:
    ok, failed = sum(row.ok for row in rows), sum(row.failed for row in rows)
    if failed <= ok:
        return []
    share = show(ok / (ok + failed), "share")
    return [_failure(f"most calls failed: {share} of {ok + failed:,} succeeded", most)]


def _broke_at_once(broken_level: BreakingPoint | None, most: str) -> list[Finding]:
    if not broken_level or _broke_above_good(broken_level):
        return []
    level = f"{broken_level.users} users" if broken_level.users else f"{broken_level.at_rate or 0:g}/s"
    return [_failure(f"the ramp broke at its first level ({level}), so no level was good", most)]


def _failure(what: str, most: str) -> Finding:
    return Finding("fail", f"{what}; the most common failure is {most}" if most else what, errors.FAILED)
