"""Reports: one format a file behind one function type.

    write_all(run_dir)            summary.json, report.html, windows.csv, charts/*.svg; returns the summary
    reading.read(run_dir)         a run directory as a `Reading`
    registry.FORMATS["terminal"]  a `Reading` as text

Nothing is imported before it is asked for: the command line starts fast.
"""

from pathlib import Path
from typing import Any


def write_all(run_dir: Path) -> dict[str, Any]:
    """Read a run and write every file of its report, each whole or not at all."""
    from harness.report.writing import write

    return write(run_dir)
