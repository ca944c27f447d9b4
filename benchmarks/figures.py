"""What a benchmark found, beside what was aimed at; as a table for people and as JSON."""

import os
import platform
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PYTHON_TURNS = 1_000_000


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


def probes() -> dict[str, float]:
    """How fast this processor is at Python and at C, the best of three: ratios of two machines are no progress."""
    text = bytes(range(256)) * 4096

    def in_python() -> None:
        total = 0
        for number in range(PYTHON_TURNS):
            total += number & 7

    def in_c() -> None:
        zlib.compress(text, 6)

    python_s, c_s = (min(_seconds(loop) for _ in range(3)) for loop in (in_python, in_c))
    return {
        "python_million_turns_s": round(PYTHON_TURNS / python_s / 1e6, 1),
        "c_megabytes_deflated_s": round(len(text) / c_s / 1e6, 1),
    }


def _seconds(loop: Callable[[], None]) -> float:
    began = time.process_time()
    loop()
    return max(time.process_time() - began, 1e-9)


def processor() -> str:
    """The name of this processor."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return platform.processor()


def machine() -> str:
    """What it was measured on, without saying whose it is."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    speeds = probes()
    probed = (
        f"{speeds['python_million_turns_s']:.3g} million turns of a loop in Python a second, "
        f"{speeds['c_megabytes_deflated_s']:.3g} MB deflated in C a second"
    )
    where = f"{platform.machine()}, {cores} cores, {memory_gb:.0f} GB, {platform.system()}, {python}"
    return f"{where}, {processor() or 'unknown processor'}: {probed}"


def as_json(tables: dict[str, Table]) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "machine": machine(),
        "processor": {"name": processor(), **probes()},
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
