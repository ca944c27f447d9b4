"""The table of a soak: what each part had, and whether it grows.

Disk grows with the calls, since each has its row: so it is judged by the bytes for a call, from reading to reading. Memory that is
shared is PostgreSQL's buffers, which fill: so it is judged by their size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.soak import flat

SHORT_MINUTES: Final = 5.0
# What may come on top while it is watched: in units, and as a share. A short soak sees what is plain only.
ALLOWED: Final[Mapping[str, tuple[float, float]]] = {
    "memory": (4.0, 0.05),
    "files": (4.0, 0.1),
    "threads": (2.0, 0.1),
    "bytes a call": (20.0, 0.1),
}
OF_POSTGRES: Final = (200.0, 0.5)  # its files: each process opens what it reads, and may have a thousand
SHORT_TIMES: Final = 4
SHARED_MB_MAX: Final = 160.0  # shared_buffers are 128 MB, and there is something around them
UNITS: Final = {"memory": "MB", "shared": "MB", "files": "", "threads": "", "bytes a call": "B"}
HOUR_S: Final = 3600
DISK_PIECES: Final = 14
RUN_DIRECTORY: Final = "run directory"

Series = Mapping[tuple[str, str], tuple[list[float], list[float]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one part."""

    part: str
    what: str
    first: float
    most: float
    last: float
    found: flat.Found


def rows(series: Series, calls: Mapping[str, Sequence[int]], *, short: bool = False) -> list[Row]:
    """One for each series."""
    made = []
    for (part, what), (times_s, values) in sorted(series.items()):
        named, figures, at_s = what, values, times_s
        if what == "disk":
            named, (at_s, figures) = "bytes a call", _per_call(times_s, values, calls[part])
        if not figures:
            continue
        if what == "shared":
            found = flat.Found(flat.FLAT if max(figures) <= SHARED_MB_MAX else flat.GROWS)
        else:
            allowed, share = OF_POSTGRES if (part, what) == ("postgres", "files") else ALLOWED[named]
            times = SHORT_TIMES if short else 1
            found = flat.judge(at_s, figures, allowed * times, share * times)
        made.append(Row(part, named, figures[0], max(figures), figures[-1], found))
    return made


def text(listed: Sequence[Row]) -> str:
    """For people; growth by the hour, with its interval."""
    head = f"{'part':<14} {'what':<13} {'first':>9} {'most':>9} {'last':>9} {'an hour':>9}  {'interval':<19} "
    lines = [head]
    for row in listed:
        found = row.found
        hour, low, high = (f"{rate * HOUR_S:+.1f}" for rate in (found.slope, found.low, found.high))
        figures = " ".join(f"{value:>9,.1f}" for value in (row.first, row.most, row.last))
        named = f"{row.what} {UNITS[row.what]}".strip()
        lines.append(
            f"{row.part:<14} {named:<13} {figures} {hour:>9}  {low + ' to ' + high:<19} {found.word}"
        )
    return "\n".join(lines) + "\n"


def exit_code(listed: Sequence[Row]) -> int:
    """1: something grows; 3: of something that is open, or nothing was seen."""
    words = {row.found.word for row in listed}
    return 1 if flat.GROWS in words else 3 if flat.OPEN in words or not words else 0


def _per_call(
    times_s: Sequence[float], values: Sequence[float], calls: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Over so long that faults are in each: files grow in leaps."""
    step = max(1, len(values) // DISK_PIECES)
    picked = range(0, len(values), step)
    pairs = [(a, b) for a, b in pairwise(picked) if calls[b] > calls[a]]
    each = [(values[b] - values[a]) / (calls[b] - calls[a]) for a, b in pairs]
    return [times_s[b] for _, b in pairs], each
