"""A row of the table: what theory says, what was reported, and how far apart they may be.

The allowed difference comes from what is compared, never from what a machine happened to show:

- counts, words and outcomes: none (`exactly`);
- a percentile of n calls: the order statistics around it. Of n calls, the number below the true quantile is binomial, so
  with `SIGMAS` standard deviations of it the reported one lies between two quantiles of theory (`percentile`);
- a mean of n calls: `SIGMAS` standard errors (`mean`);
- a queue, whose calls depend on each other: what the same number of simulated calls shows (experiments/queues.py);
- beside what the server counted itself: the way there and back, `WAY_MS`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SIGMAS: Final = 3.3  # one row in a thousand is off by chance
WAY_MS: Final = 1.0  # loopback, two event loops, a machine that does something else for a moment


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers are compared within `low` to `high`; words must be the same."""

    name: str
    theory: float | str | None
    reported: float | str | None
    low: float | None = None
    high: float | None = None
    why: str = ""  # what the run itself says; shown when the row is off

    @property
    def ok(self) -> bool:
        if self.low is None or self.high is None:
            return self.theory == self.reported
        return isinstance(self.reported, int | float) and self.low <= self.reported <= self.high

    def __str__(self) -> str:
        allowed = "" if self.low is None else f"{_text(self.low)} to {_text(self.high)}"
        word = "ok" if self.ok else "OFF"
        line = f"{self.name:<58.58} {_text(self.theory):>14} {_text(self.reported):>14}  {allowed:<22} {word}"
        return line if self.ok or not self.why else f"{line}\n    {self.why}"


HEAD: Final = f"{'':<58} {'theory':>14} {'reported':>14}  {'allowed':<22}"


@dataclass(frozen=True, slots=True)
class Form:
    """How much: a short form asserts what noise cannot break, the long one is `make truth`."""

    short: bool
    out: Path

    @property
    def long(self) -> bool:
        return not self.short


Experiment = Callable[[Form], Iterator[Row]]


def exactly(name: str, theory: float | str | None, reported: float | str | None, why: str = "") -> Row:
    return Row(name, theory, reported, why=why)


def one_of(name: str, words: Sequence[str], reported: str, why: str = "") -> Row:
    """A word that may be one of these."""
    return Row(name, reported if reported in words else words[0], reported, why=why)


def within(name: str, theory: float, reported: float | None, allowed: float) -> Row:
    return Row(name, theory, reported, theory - allowed, theory + allowed)


def between(name: str, theory: float, reported: float | None, low: float, high: float) -> Row:
    return Row(name, theory, reported, low, high)


def percentile(
    name: str,
    quantile: Callable[[float], float],
    q: float,
    n: int,
    reported: float | None,
    more: float = WAY_MS,
) -> Row:
    """A percentile of n independent calls; `more`: what the way adds at most."""
    spread = SIGMAS * math.sqrt(q * (1 - q) / n)
    tiny = 1e-9
    low, high = quantile(max(tiny, q - spread)), quantile(min(1 - tiny, q + spread))
    return Row(name, quantile(q), reported, low - 0.05, high + more)


def mean(
    name: str, theory: float, deviation: float, n: int, reported: float | None, more: float = WAY_MS
) -> Row:
    """A mean of n independent calls."""
    spread = SIGMAS * deviation / math.sqrt(n)
    return Row(name, theory, reported, theory - spread - 0.05, theory + spread + more)


def share(name: str, theory: float, n: int, reported: float | None) -> Row:
    """A share of n independent calls."""
    return within(name, theory, reported, SIGMAS * math.sqrt(theory * (1 - theory) / n))


def _text(value: float | str | None) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
