"""What a benchmark found, beside what was aimed at; as a table for people and as JSON."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One number with its aim: at least so much, or at most."""

    part: str
    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        if self.at_least is None and self.at_most is None:
            return ""
        low = self.at_least is not None and self.value < self.at_least
        high = self.at_most is not None and self.value > self.at_most
        return "short" if low or high else "reached"

    @property
    def aim(self) -> str:
        if self.at_least is not None:
            return f">= {shown(self.at_least)}"
        return f"<= {shown(self.at_most)}" if self.at_most is not None else ""


@dataclass(frozen=True)
class Table:
    """Figures of one part, and the measurements they come from."""

    figures: list[Figure]
    columns: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    note: str = ""


def shown(value: float) -> str:
    """As many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table that reads well as text, too."""
    lines = [list(columns), *[list(row) for row in rows]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    rule = ["-" * width for width in widths]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in (lines[0], rule, *lines[1:])
    )


def summary(figures: Iterable[Figure]) -> str:
    """The table of aims."""
    rows = [
        (figure.part, figure.name, f"{shown(figure.value)} {figure.unit}", figure.aim, figure.verdict)
        for figure in figures
    ]
    return markdown(("part", "figure", "found", "aim", ""), rows)


def machine() -> str:
    """What it was measured on, without saying whose it is."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{platform.machine()}, {cores} cores, {memory_gb:.0f} GB, {platform.system()}, {python}"


def as_json(tables: dict[str, Table]) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "machine": machine(),
        "figures": [
            {**asdict(figure), "verdict": figure.verdict}
            for table in tables.values()
            for figure in table.figures
        ],
        "measured": {
            part: [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            for part, table in tables.items()
            if table.rows
        },
    }
