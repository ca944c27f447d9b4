"""Writes what a run was read as into its directory: each file appears whole or not at all."""

from pathlib import Path

from harness.record.rundir import write_whole
from harness.report.charts import CHARTS, renditions
from harness.report.csv import intervals_csv, windows_csv
from harness.report.html import page
from harness.report.json import summary_json
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.reading import Reading, damaged, read
from harness.report.svg import alone


def write(run_dir: Path) -> Reading:
    """Every file of the report; returns what it was made from."""
    reading = read(run_dir)
    try:
        _write(reading)
    except Exception as error:  # what cannot be drawn of damaged numbers is no bug
        if not reading.damage:
            raise
        raise damaged(run_dir, reading.damage) from error
    return reading


def _write(reading: Reading) -> None:
    run_dir = reading.run_dir
    write_whole(run_dir / "summary.json", summary_json(reading))
    write_whole(run_dir / "summary.md", markdown(reading))
    write_whole(run_dir / "junit.xml", junit(reading))
    write_whole(run_dir / "windows.csv", windows_csv(reading))
    if len(reading.intervals):
        write_whole(run_dir / "intervals.csv", intervals_csv(reading))
    charts = run_dir / "charts"
    charts.mkdir(exist_ok=True)
    drawn = {name: renditions(name, reading) for name in CHARTS}
    for name, pictures in drawn.items():
        if pictures:
            write_whole(charts / f"{name}.svg", alone(pictures[0]))
    write_whole(run_dir / "report.html", page(reading, drawn))
