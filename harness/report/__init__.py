"""Reports: one format a file behind one function type; the charts and tables of the page.

    write_all(run_dir)            every file of a report; returns the `Reading` it was made from
    read_run(run_dir)             a run directory as a `Reading`
    write_reading(reading, out)   every file of its report, into a directory
    registry.FORMATS["terminal"]  a `Reading` as text

Nothing is imported before it is asked for: the command line starts fast.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.reading import Reading


def write_all(run_dir: Path, out: Path | None = None) -> "Reading":
    """Read a run and write every file of its report into its directory or `out`, each whole or not at all."""
    from harness.report.writing import write

    return write(run_dir, out)


def read_run(run_dir: Path, *, touch: bool = True) -> "Reading":
    """Read a run; one that was cut off is sealed first, unless its directory must not be changed."""
    from harness.report.reading import read

    return read(run_dir, touch=touch)


def write_reading(reading: "Reading", out: Path) -> None:
    """Write every file of the report, each whole or not at all."""
    from harness.report.writing import put

    put(reading, out)
