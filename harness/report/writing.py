"""Write the report of a run into its directory, or another one. Each file appears whole or not at all."""

from dataclasses import replace
from pathlib import Path

from harness.report.charts import CHARTS, renditions
from harness.report.csv import intervals_csv, windows_csv
from harness.report.html import page
from harness.report.json import summary_json
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.reading import PAGE, Reading, damaged, read
from harness.report.svg import alone
from harness.run_directory.directory import write_whole


def write(run_dir: Path, out: Path | None = None) -> Reading:
    """Read a run, write every file of its report, return the reading. With `out`, the run is not changed."""
    reading = replace(read(run_dir, touch=out is None), put_in=out)
    put(reading, out or run_dir)
    return reading


def put(reading: Reading, out: Path) -> None:
    """Write every file of the report into a directory."""
    try:
        _write(reading, out)
    except Exception as error:  # if damaged numbers cannot be drawn, that is no bug
        if not reading.damage or isinstance(error, OSError | MemoryError):
            raise
        raise damaged(reading.run_dir, reading.damage) from error


def _write(reading: Reading, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "summary.json", summary_json(reading))
    try:
        write_whole(out / "junit.xml", junit(reading))
        _write_tables(reading, out)
        write_whole(out / PAGE, page(reading, _drawn(reading, out)))
    finally:  # this text names the page, if that exists
        write_whole(out / "summary.md", markdown(replace(reading, put_in=out)))


def _write_tables(reading: Reading, out: Path) -> None:
    write_whole(out / "windows.csv", windows_csv(reading))
    if len(reading.intervals):
        write_whole(out / "intervals.csv", intervals_csv(reading))


def _drawn(reading: Reading, out: Path) -> dict[str, list[str]]:
    """Draw the charts, as files and for the page."""
    charts = out / "charts"
    charts.mkdir(exist_ok=True)
    drawn = {name: renditions(name, reading) for name in CHARTS}
    for name, pictures in drawn.items():
        if pictures:
            write_whole(charts / f"{name}.svg", alone(pictures[0]))
    return drawn
