"""The report on a terminal: aligned, calm, and the same without colour."""

import re

import pytest

from harness.report import terminal
from harness.report.reading import Reading, read
from tests.fakes.golden import check
from tests.fakes.runs import Run, faults, ramp


@pytest.fixture
def reading(tmp_path) -> Reading:
    return read(ramp(objectives=["p95 < 250ms", "success_rate >= 99%"]).write(tmp_path))


def plain(reading):
    (reading.run_dir / "report.html").touch()
    return terminal.render(reading, colour=False).replace(str(reading.run_dir), "reports/ramp/RUN")


def test_the_text_is_the_one_that_was_looked_at(reading, pytestconfig):
    """A ramp that broke."""
    check("terminal.txt", plain(reading), pytestconfig)


def test_faults_have_a_line_each(tmp_path, pytestconfig):
    """Two faults, and what came of them."""
    check("terminal-faults.txt", plain(read(faults().write(tmp_path))), pytestconfig)


def test_faults_that_went_wrong_fit_their_line(tmp_path):
    """Long names are cut, what is wrong with a fault is not; more than twenty are counted."""
    run = Run()
    run.fault("a-name-that-is-far-too-long-for-the-column", 3, 1, why="nothing was slower")
    run.fault("just-short-enough-for-itself", 4, 1, kind="down", unhealed="no answer")
    run.fault("twenty-two-characters", 5, 1, skipped="no link")
    for number in range(20):
        run.fault(f"more-{number}", 6 + number, 0.5)
    run.level(5, seconds=30)
    run.end()

    text = plain(read(run.write(tmp_path)))

    assert re.search(r"a-name-that-is-far-too-lo… .* \? not verified", text)
    assert re.search(r"just-short-enough-for-its… .* ✕ left over", text)
    assert re.search(r"twenty-two-characters .* \? did not happen", text)
    assert "and 3 more in summary.json" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_colour_changes_nothing_but_colour(reading):
    """A log reads like the screen."""
    coloured = terminal.render(reading, colour=True)

    assert "\x1b[" in coloured
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in bare.splitlines()] == terminal.render(
        reading, colour=False
    ).splitlines()


@pytest.mark.parametrize(
    ("tty", "no_colour", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colour_is_for_terminals_whose_user_wants_it(reading, monkeypatch, tty, no_colour, coloured):
    """NO_COLOR is respected when it is not empty."""
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setattr("sys.stdout.isatty", lambda: tty, raising=False)

    assert ("\x1b[" in terminal.terminal(reading)) is coloured


def test_a_ramp_that_held_says_so(tmp_path):
    """And has passed."""
    run = Run()
    run.level(10)
    run.level(50, rps=200)
    run.end()

    text = plain(read(run.write(tmp_path)))

    assert "none up to 50 users" in text
    assert "MEASURED" in text


def test_a_run_without_a_step_has_a_verdict(tmp_path):
    """Nothing to tabulate."""
    (tmp_path / "metadata.json").write_text("{}", encoding="utf-8")

    text = plain(read(tmp_path))

    assert "UNKNOWN" in text
    assert "no call was made" in text
    assert "users   requests" not in text


def test_what_a_server_says_does_not_move_the_cursor(tmp_path):
    """Control characters are replaced, square brackets are not markup."""
    run = Run()
    run.metadata["target"] = {"url": "http://x", "server": {"name": "[red]\x1b[2Jname", "version": "\r1"}}
    run.metadata["scenario"] = "n\x1b[2J"
    run.level(5, failing=0.5, detail="\x1b[2J[bold]oops\x07")
    run.end()

    text = plain(read(run.write(tmp_path)))

    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text)
    assert "[bold]oops" in text
    assert "[red]" in text
