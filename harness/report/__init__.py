"""Reports: one format a file behind one function type.

    write_all(run_dir)            every file of a report; returns the `Reading` it was made from
    reading.read(run_dir)         a run directory as a `Reading`
    registry.FORMATS["terminal"]  a `Reading` as text

Nothing is imported before it is asked for: the command line starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.reading import Reading


def write_all(run_dir: Path) -> "Reading":
    """Read a run and write every file of its report, each whole or not at all."""
    from harness.report.writing import write

    return write(run_dir)
