"""Aligned tables for a terminal: words left, numbers right, nothing in them that a terminal or a CI obeys."""

from collections.abc import Collection, Sequence

from harness.foundation.untrusted.printable import printable, without_commands


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> str:
    """A table; the columns in `numbers` are aligned to the right. Lines are not folded, so that they can be copied."""
    lines = [list(heads), *([without_commands(printable(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
