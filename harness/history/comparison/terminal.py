"""A comparison as text for a terminal."""

from collections.abc import Sequence

from msgspec import UNSET

from harness.foundation.untrusted.printable import lines
from harness.foundation.untrusted.printable import printable as clean
from harness.history.comparison import gateway, wording
from harness.history.comparison.comparison import Comparison

WORDS_FIRST = 2  # columns of words, which are aligned left; so is the last


def text(comparison: Comparison, *, everything: bool = False) -> str:
    """The whole comparison; without `everything` only figures that a reader needs."""
    figures, more = (list(comparison.figures), "") if everything else wording.shown(comparison)
    parts = [
        "",
        *(wording.side(letter, one) for letter, one in (("A", comparison.a), ("B", comparison.b))),
        "",
        *(table([wording.HEADS, *(wording.cells(one) for one in figures)]) if figures else []),
        *([""] if figures else []),
        *([more] if more else []),
        *wording.remarks(comparison),
        "",
        *([*table(gateway.lines(comparison.gateway)), ""] if comparison.gateway is not UNSET else []),
        f"{wording.WORDS[comparison.verdict].upper() if not comparison.describes else 'DESCRIBED'}   {wording.headline(comparison)}",
    ]
    return lines("\n".join(f"  {clean(part)}".rstrip() for part in parts))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned lines: words left, numbers right, a name only where it changes."""
    cleaned = [[clean(cell, 60) for cell in row] for row in rows]
    for row, before in reversed(list(zip(cleaned[1:], cleaned, strict=False))):
        if row[0] == before[0]:
            row[0] = ""
    widths = [max(len(row[at]) for row in cleaned) for at in range(len(cleaned[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if at < WORDS_FIRST or at == last else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cleaned
    ]
