"""Writes what a run was read as into its directory: each file appears whole or not at all."""

from pathlib import Path
from typing import Any, Final

from harness.record.rundir import write_whole
from harness.report.charts import CHARTS, renditions
from harness.report.html import page
from harness.report.json import summary_json
from harness.report.reading import Reading, read
from harness.report.svg import alone

DECIMALS: Final = "%.3f"


def write(run_dir: Path) -> dict[str, Any]:
    """Every file of the report; returns the summary."""
    reading = read(run_dir)
    write_whole(run_dir / "summary.json", summary_json(reading))
    write_whole(run_dir / "windows.csv", windows_csv(reading))
    charts = run_dir / "charts"
    charts.mkdir(exist_ok=True)
    drawn = {name: renditions(name, reading) for name in CHARTS}
    for name, pictures in drawn.items():
        if pictures:
            write_whole(charts / f"{name}.svg", alone(pictures[0]))
    write_whole(run_dir / "report.html", page(reading, drawn))
    return reading.summary


def windows_csv(reading: Reading) -> str:
    """The windows as CSV; an empty field where nothing can be said."""
    return str(reading.windows.to_csv(index=False, float_format=DECIMALS, lineterminator="\n"))
