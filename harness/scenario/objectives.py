"""Objectives: one line of text to a frozen value that keeps its source text.

    objective = metric op value [ "for" operation ] [ scope ]
    metric    = a name of harness.scenario.catalogue.METRICS: p95, success_rate, throughput, ...
    op        = "<" | "<=" | ">" | ">=" | "=="
    value     = duration | percentage | rate | whole number      (as the metric's unit asks)
    scope     = "in" step | "during" fault | "after" fault | "overall"

    p95 < 250ms
    throughput >= 300/s for tools/call:execute_query
    success_rate >= 99% in steady

An abort rule ends a run early, and is written the same way:

    abort = live op value "for" duration        live = success_rate | throughput | p50 | p95, of each second

    success_rate < 50% for 10s

Without a scope an objective holds over the measured part of the load steps, outside fault windows.
This module does not decide whether it holds: `analysis.objectives.observed` measures, `verdict` compares.
"""

import difflib
import operator
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from harness.foundation import units
from harness.foundation.errors import UsageError
from harness.scenario.catalogue import METRICS, Metric

Scope = Literal["in", "during", "after", "overall", ""]

COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}

_GRAMMAR = re.compile(
    r"(?P<metric>[A-Za-z_]\w*)\s*(?P<op><=|>=|==|<|>)\s*(?P<value>\S.*?)"
    r"(?:\s+for\s+(?P<operation>\S+))?"
    r"(?:\s+(?:(?P<scope>in|during|after)\s+(?P<name>\S+)|(?P<overall>overall)))?"
)
_ABORT = re.compile(
    r"(?P<metric>[A-Za-z_]\w*)\s*(?P<op><=|>=|==|<|>)\s*(?P<value>\S.*?)\s+for\s+(?P<for>\S.*)"
)
CHARS_MOST: Final = 300  # a longer line is no objective
ABORT_METRICS: Final = ("success_rate", "throughput", "p50", "p95")
ABORT_S_LEAST: Final = 1.0
EXAMPLES: Final = (
    "p95 < 250ms, success_rate >= 99%, throughput >= 300/s for tools/call:echo, p99 < 1s in steady"
)


@dataclass(frozen=True, slots=True)
class Objective:
    """One bound; `value` is in the unit of the metric (ms, s, a share of one, per second, a count)."""

    text: str
    metric: str
    op: str
    value: float
    operation: str | None = None
    scope: Scope = ""
    name: str | None = None

    def holds(self, observed: float) -> bool:
        return COMPARE[self.op](observed, self.value)

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit


@dataclass(frozen=True, slots=True)
class AbortRule:
    """A rule that ends the run once its condition has held for `for_s`; `value` is in the metric's unit."""

    text: str
    metric: str
    op: str
    value: float
    for_s: float

    def met_by(self, observed: float) -> bool:
        return COMPARE[self.op](observed, self.value)

    @property
    def unit(self) -> str:
        return METRICS[self.metric].unit


def _whole(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise units.UnitError(f"{units.said(text)} is not a whole number; write for example 0")
    return float(text)


_READERS: Final[dict[str, Callable[[str], float]]] = {
    "ms": lambda text: units.duration_s(text) * 1000,
    "s": units.duration_s,
    "share": units.share,
    "per_s": units.rate_per_s,
    "count": _whole,
}


def parse(text: str) -> Objective:
    """Parse one objective; a UsageError says what is wrong with the text and what would be right."""
    source = " ".join(text.split())
    match = _GRAMMAR.fullmatch(source) if len(source) <= CHARS_MOST else None
    if match is None:
        raise UsageError(
            f"{units.said(text)} is not an objective",
            "An objective is METRIC OP VALUE [for OPERATION] [in STEP | during FAULT | after FAULT | overall], "
            f"with OP one of {', '.join(COMPARE)}",
            f"For example: {EXAMPLES}",
        )
    scope: Scope = "overall" if match["overall"] else match["scope"] or ""  # type: ignore[assignment]
    _check_qualifiers(source, _metric(source, match["metric"]), match["metric"], match["operation"], scope)
    value = _value(source, match["metric"], match["value"])
    return Objective(source, match["metric"], match["op"], value, match["operation"], scope, match["name"])


def parse_abort(text: str) -> AbortRule:
    """Parse one abort rule; a UsageError says what is wrong with the text and what would be right."""
    source = " ".join(text.split())
    match = _ABORT.fullmatch(source) if len(source) <= CHARS_MOST else None
    if match is None:
        raise UsageError(
            f"{units.said(text)} is not an abort rule",
            f"An abort rule is METRIC OP VALUE for DURATION, with OP one of {', '.join(COMPARE)}",
            "For example: success_rate < 50% for 10s",
        )
    if match["metric"] not in ABORT_METRICS:
        raise UsageError(
            f"{source!r}: {match['metric']} is not measured every second",
            f"An abort rule may look at {', '.join(ABORT_METRICS)}",
            _hint(match["metric"], ABORT_METRICS),
        )
    try:
        for_s = units.duration_s(match["for"])
    except units.UnitError as error:
        raise UsageError(f"{source!r}: for how long?", str(error)) from error
    if for_s < ABORT_S_LEAST:
        raise UsageError(
            f"{source!r}: an abort rule is checked once a second",
            "",
            f"Write `for {ABORT_S_LEAST:g}s` or longer",
        )
    return AbortRule(
        source, match["metric"], match["op"], _value(source, match["metric"], match["value"]), for_s
    )


def check_names(
    objectives: Iterable[Objective],
    *,
    steps: Collection[str] = (),
    faults: Collection[str] = (),
    operations: Collection[str] | None = None,
) -> None:
    """Check that the steps, faults and operations of an objective exist; `operations=None`: not known yet."""
    for objective in objectives:
        if objective.scope == "in":
            _known(objective, "step", objective.name, steps)
        if objective.scope in {"during", "after"}:
            _known(objective, "fault", objective.name, faults)
        if operations is not None and objective.operation is not None:
            _known(objective, "operation", objective.operation, operations)


def _metric(source: str, name: str) -> Metric:
    if name in METRICS:
        return METRICS[name]
    raise UsageError(
        f"{source!r}: there is no metric {name!r}", f"There are {', '.join(METRICS)}", _hint(name, METRICS)
    )


def _value(source: str, metric: str, text: str) -> float:
    try:
        # Rounded, so that 9ms is 9.0 and 99.9% is 0.999: an observed value may lie exactly on the bound.
        return round(_READERS[METRICS[metric].unit](text), 9)
    except units.UnitError as error:
        raise UsageError(f"{source!r}: {metric} cannot be compared with {text!r}", str(error)) from error


def _check_qualifiers(source: str, metric: Metric, name: str, operation: str | None, scope: Scope) -> None:
    if operation is not None and not metric.per_operation:
        raise UsageError(
            f"{source!r}: {name} is not counted by operation", "", f"Leave out `for {operation}`"
        )
    if scope not in {"", "after", "overall"} and not metric.scoped:
        raise UsageError(
            f"{source!r}: {name} belongs to the whole run",
            f"It means: {metric.meaning}",
            f"Leave out `{scope} ...`",
        )


def _known(objective: Objective, kind: str, name: str | None, known: Collection[str]) -> None:
    if name in known:
        return
    raise UsageError(
        f"{objective.text!r}: there is no {kind} {name!r}",
        f"There are {', '.join(sorted(known))}" if known else f"The scenario names no {kind}",
        _hint(str(name), known),
    )


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1, 0.5)
    return f"Did you mean {close[0]}?" if close else ""
