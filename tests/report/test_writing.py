"""The files of a report: all there, whole, and readable by others."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from harness import report
from harness.report.reading import read
from harness.report.registry import FORMATS
from tests.fakes.results import plain
from tests.fakes.runs import ramp
from tests.run_directory.test_disk_space import files_up_to


def test_everything_is_written_beside_the_run(tmp_path):
    """The numbers, the page, the windows, the charts; nothing half-written is left behind."""
    run = ramp(objectives=["p95 < 250ms"]).write(tmp_path / "run")
    before = {path.name for path in run.iterdir()}

    summary = report.write_all(run).summary

    assert {path.name for path in run.iterdir()} - before == {
        "summary.json",
        "report.html",
        "junit.xml",
        "summary.md",
        "windows.csv",
        "charts",
    }
    assert {path.name for path in (run / "charts").iterdir()} == {
        "throughput.svg",
        "percentiles.svg",
        "heat.svg",
        "outcomes.svg",
        "distribution.svg",
        "throughput-by-users.svg",
        "percentiles-by-users.svg",
    }
    assert json.loads((run / "summary.json").read_text(encoding="utf-8")) == plain(summary)
    assert summary.verdict == "pass"


def test_reading_a_run_again_gives_the_same_files(tmp_path, few_charts):
    """`harness report` on an old run changes nothing but what it knows better."""
    run = ramp().write(tmp_path)
    report.write_all(run)
    names = ["summary.json", "report.html", "windows.csv", "charts/throughput.svg"]
    first = [(run / name).read_bytes() for name in names]

    report.write_all(run)

    assert [(run / name).read_bytes() for name in names] == first


def test_the_windows_can_be_read_as_a_table(tmp_path, few_charts):
    """A row a second, empty where nothing can be said."""
    run = ramp().write(tmp_path)
    report.write_all(run)

    table = pd.read_csv(run / "windows.csv")

    assert table["offered"].sum() == 41_150
    assert list(table.columns) == list(read(run).windows.columns)


def test_every_format_is_text_from_a_reading(tmp_path):
    """One function type, one line in the registry; the tables of numbers name no run."""
    reading = read(ramp().write(tmp_path))
    texts = {name: form(reading) for name, form in FORMATS.items()}

    assert {name for name, text in texts.items() if "ramp" not in text} == {"csv", "hdr"}
    assert all(texts.values())


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch, few_charts):
    """The disk is full in the middle of the page: the page of before is still there, whole."""
    run = ramp().write(tmp_path)
    report.write_all(run)
    page = (run / "report.html").read_bytes()
    monkeypatch.setattr(
        "harness.run_directory.directory.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )

    with pytest.raises(OSError, match="full"):
        report.write_all(run)

    assert (run / "report.html").read_bytes() == page


@pytest.mark.parts
def test_the_command_line_pays_for_no_chart_it_does_not_draw():
    """Importing the package of reports imports neither pandas nor matplotlib."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, harness.report; print({'matplotlib', 'pandas'} & set(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    assert done.stdout.strip() == "set()"


def test_a_page_is_named_where_it_is_and_only_when_it_is_there(tmp_path, few_charts):
    """It does not fit, or it goes elsewhere: no report leads to a page that is not there."""
    run = ramp().write(tmp_path / "run")
    with files_up_to(20_000), pytest.raises(OSError, match="too large"):
        report.write_all(run)
    reading = read(run)
    assert FORMATS["terminal"](reading).splitlines()[-1].split() == ["Report", "not", "written"]
    assert "report.html" not in FORMATS["markdown"](reading)
    assert "report.html" not in (run / "summary.md").read_text(encoding="utf-8")

    out = tmp_path / "out"
    elsewhere = report.write_all(run, out)
    for text in (
        FORMATS["terminal"](elsewhere),
        FORMATS["markdown"](elsewhere),
        (out / "summary.md").read_text(encoding="utf-8"),
    ):
        assert str(out / "report.html") in text
        assert str(run / "report.html") not in text
