"""Compare two sides: pure, from measured runs to a `Comparison`.

The verdict is regressed when a figure is; else inconclusive when one of the figures that decide (throughput, success, p50
and p95 of what the runs are about, the breaking point, the capacity that was searched for) can have become worse by more than its gate, or all are unknown; else
improved or equivalent. p90 and p99 and single operations can make a comparison regressed, never inconclusive: there are
always some of them that a handful of runs cannot tell.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from msgspec import Struct, structs

from harness.foundation.errors import FAILED, PASSED, UNKNOWN
from harness.history.comparison import disturbed, likeness
from harness.history.comparison.comparison import Compared, Comparison, SideSaid, Word
from harness.history.comparison.design import Design, design
from harness.history.comparison.fitting import fit
from harness.history.comparison.gates import Gates, by_ratio
from harness.history.comparison.judging import Figure, judged
from harness.history.comparison.measured import ErrorKind, MeasuredRun

DECIDE: Final = frozenset({"throughput", "success", "p50", "p95", "breaking point", "found capacity"})
NOT_DECIDED: Final = {
    "one run a side": "one run a side can only describe: two runs of the same build differ, too",
    "one sitting each": (
        "each side was measured in one sitting of its own: another day and another build look the same. "
        "Measure them by turns (harness compare --scenario), on several days, or say --same-conditions"
    ),
}


class Side(Struct, frozen=True, kw_only=True):
    """The runs of one side, and what the user called it."""

    label: str
    runs: tuple[MeasuredRun, ...]


class Rules(Struct, frozen=True, kw_only=True):
    """How to compare."""

    gates: Gates = Gates()
    describes: bool = False  # no verdict is asked for
    forced: bool = False  # describe what is not comparable
    vouched: bool = False  # all runs were made under the same conditions, somebody says
    may_differ: frozenset[str] = frozenset()


def compare(a: Side, b: Side, rules: Rules = Rules()) -> Comparison:  # noqa: B008 - frozen
    """Compare two sides."""
    counted = _counted(a), _counted(b)
    unlike = [
        f"{name} has no run that counts" for name, runs in zip("AB", counted, strict=True) if not runs
    ] or [*likeness.differences(counted[0], counted[1], rules.may_differ), *_nothing_succeeded(counted)]
    if rules.forced and not all(counted):
        counted = a.runs, b.runs
    describes = rules.describes or rules.forced
    if unlike and not rules.forced:
        return _said(a, b, counted, None, (), "not_comparable", unlike, describes=describes)
    order = design(*counted, vouched=rules.vouched)
    odd = disturbed.disturbed(order, [(*counted[0], *counted[1])[at] for at in order.rows])
    figures = _figures(counted, order, odd, rules.gates, decides=not unlike)
    if unlike:
        return _said(a, b, counted, order, figures, "not_comparable", unlike, describes=describes)
    word, why = _verdict(figures, order)
    comparison = _said(a, b, counted, order, figures, word, why, describes=describes)
    return structs.replace(comparison, notes=(*comparison.notes, *_disturbed(counted, order, odd)))


def _disturbed(
    counted: Sequence[tuple[MeasuredRun, ...]], order: Design, odd: tuple[int, ...]
) -> Iterator[str]:
    """Name the runs that are far slower than the others."""
    runs = [*counted[0], *counted[1]]
    for at in sorted(order.rows[one] for one in odd):
        side = "A" if at < len(counted[0]) else "B"
        yield (
            f"{runs[at].run_id} of {side} is far slower than the others: something disturbed it. "
            "It is left out where changes are looked for, and counts where figures are called equivalent"
        )


def _nothing_succeeded(sides: Sequence[tuple[MeasuredRun, ...]]) -> list[str]:
    """Say so where no call of either side succeeded: two servers that are both down are not as fast as each other."""
    success = [
        one.value
        for runs in sides
        for run in runs
        for one in run.values
        if one.name == "success" and one.leading
    ]
    return ["no call succeeded on either side"] if success and not any(success) else []


def _counted(side: Side) -> tuple[MeasuredRun, ...]:
    return tuple(run for run in side.runs if not likeness.why_left_out(run))


def _figures(
    sides: Sequence[tuple[MeasuredRun, ...]],
    order: Design,
    odd: tuple[int, ...],
    gates: Gates,
    *,
    decides: bool,
) -> tuple[Compared, ...]:
    runs = [*sides[0], *sides[1]]
    used = [runs[at] for at in order.rows]
    values = [{(one.of, one.name): one for one in run.values} for run in used]
    keys = list(dict.fromkeys(key for run in values for key in run))
    compared = []
    for key in keys:
        there = [run.get(key) for run in values]
        first = next(one for one in there if one is not None)
        ratio = by_ratio(first.name, first.unit)
        if ratio and any(one is not None and one.value <= 0 for one in there):
            continue  # a throughput of nothing has no logarithm; its failures are told by success
        scaled = np.array(
            [np.nan if one is None else np.log(one.value) if ratio else one.value for one in there]
        )
        doubts = np.array(
            [
                0.0 if one is None else max(one.doubt / one.value, 0.002) if ratio else one.doubt
                for one in there
            ]
        )
        if not np.isnan(scaled).all():
            whole = fit(order, scaled, doubts)
            scaled[list(odd)] = np.nan
            fitted = fit(order, scaled, doubts) if odd else whole
            if not all(fitted.runs):
                fitted = whole
            if all(whole.runs):
                compared.append(Figure(first.of, first.name, first.unit, first.leading, fitted, whole))
    return judged(compared, gates, in_turn=order.order == "in turn", decides=decides and order.decides)


def _verdict(figures: Sequence[Compared], order: Design) -> tuple[Word, list[str]]:
    if not order.decides:
        return "inconclusive", [NOT_DECIDED[order.order]]
    worse = [one for one in figures if one.word == "regressed"]
    if worse:
        return "regressed", [f"{one.of}: {one.name}" for one in worse]
    open_ones = [one for one in figures if one.leading and one.name in DECIDE and one.may_be_worse]
    if open_ones or not figures:
        needed = [one.more_repeats for one in open_ones]
        many = "more than 50" if None in needed or not needed else str(max(one or 0 for one in needed))
        tell = (
            "more repeats a side are needed to decide"
            if many.startswith("more")
            else "more repeats a side would decide"
        )
        names = (
            ", ".join(f"{one.of}: {one.name}" for one in open_ones) or "the sides have no figure in common"
        )
        more = [
            f"cannot tell yet: {names}",
            f"{many} {tell}, if they are like these",
        ]
        if order.order == "in turn":
            more.append(
                "all of one side ran before the other, and a drift of the machine would look the same: run them by turns"
            )
        return "inconclusive", more
    better = [one for one in figures if one.word == "improved"]
    if better:
        return "improved", [f"{one.of}: {one.name}" for one in better]
    return "equivalent", []


def _said(
    a: Side,
    b: Side,
    counted: Sequence[tuple[MeasuredRun, ...]],
    order: Design | None,
    figures: tuple[Compared, ...],
    word: Word,
    why: Sequence[str],
    *,
    describes: bool,
) -> Comparison:
    code = (
        PASSED
        if describes
        else {"regressed": FAILED, "inconclusive": UNKNOWN, "not_comparable": UNKNOWN}.get(word, PASSED)
    )
    return Comparison(
        schema=1,
        a=_side(a, counted[0]),
        b=_side(b, counted[1]),
        scenario=next((run.scenario for run in (*b.runs, *a.runs)), ""),
        order=order.order if order else "",
        describes=describes,
        figures=figures,
        errors_new=new_errors(*counted),
        notes=tuple(_notes(counted)),
        verdict=word,
        why=tuple(why),
        exit_code=code,
    )


def _side(side: Side, counted: tuple[MeasuredRun, ...]) -> SideSaid:
    ids = {run.run_id for run in counted}
    return SideSaid(
        runs=tuple(run.run_id for run in counted),
        n=len(counted),
        label=side.label,
        versions=tuple(sorted({run.version for run in counted if run.version})),
        left_out=tuple(
            f"{run.run_id}: {likeness.why_left_out(run)}" for run in side.runs if run.run_id not in ids
        ),
    )


def new_errors(a: Sequence[MeasuredRun], b: Sequence[MeasuredRun]) -> tuple[ErrorKind, ...]:
    """The kinds of errors that B has and A has not, the commonest first."""
    known = {(one.outcome, one.detail) for run in a for one in run.errors}
    counts: dict[tuple[str, str], int] = {}
    for run in b:
        for one in run.errors:
            kind = (one.outcome, one.detail)
            if kind not in known:
                counts[kind] = counts.get(kind, 0) + one.count
    return tuple(
        ErrorKind(outcome=outcome, detail=detail, count=count)
        for (outcome, detail), count in sorted(counts.items(), key=lambda item: -item[1])
    )


def _notes(counted: Sequence[tuple[MeasuredRun, ...]]) -> list[str]:
    notes = []
    systems = [" and ".join(sorted({run.system for run in runs if run.system})) for runs in counted]
    if all(systems) and systems[0] != systems[1]:
        notes.append(
            f"The operating system was updated: {systems[0]} in A, {systems[1]} in B, which may be the cause"
        )
    for name, runs in zip("AB", counted, strict=True):
        for noise in dict.fromkeys(text for run in runs for text in run.noise):
            many = sum(noise in run.noise for run in runs)
            notes.append(f"{noise} in {many} of {len(runs)} runs of {name}")
    return notes
