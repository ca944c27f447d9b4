"""Rounding of numbers in summary.json, and of numbers that people read.

Milliseconds to a microsecond, rates to a thousandth of a call a second, seconds to a millisecond, shares to
a millionth. A share is rounded down, so that one failure in ten million calls never reads as 1.
Numbers for people have about three digits; a missing value is a dash, never a zero.
"""

import math
from collections.abc import Callable
from typing import Final

from harness.foundation.units import NS_PER_MS, NS_PER_S, show_percent

BLANK: Final = "\N{EN DASH}"


def milliseconds(ns: float | None) -> float | None:
    return None if ns is None else round(ns / NS_PER_MS, 3)


def seconds(ns: float) -> float:
    return round(ns / NS_PER_S, 3)


def per_second(count: float, span_ns: int) -> float | None:
    """A count divided by a time; None when there was no time."""
    return round(count * NS_PER_S / span_ns, 3) if span_ns > 0 else None


def ratio(part: int, whole: int) -> float | None:
    """A share of one, rounded down; None when there is nothing to divide by."""
    return part * 1_000_000 // whole / 1_000_000 if whole else None


def show(value: float | None, unit: str) -> str:
    """A value with its unit (from harness.scenario.catalogue), as people write it."""
    if value is None or math.isnan(value):
        return BLANK
    return "infinite" if math.isinf(value) else _SHOW[unit](value)


def _ms(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def _rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 100 else f"{value:.1f}/s"


_SHOW: Final[dict[str, Callable[[float], str]]] = {
    "ms": _ms,
    "s": lambda value: f"{value:,.1f} s",
    "share": show_percent,
    "per_s": _rate,
    "count": lambda value: f"{value:,.0f}",
}
