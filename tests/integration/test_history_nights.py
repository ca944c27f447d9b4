"""`harness nightly` on a real history: only the load is scripted, as runs of known latency."""

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli import load_command
from harness.cli.main import run
from harness.conduct.run_values import FinishedRun
from harness.report.reading import read
from tests.integration.histories import database, made

Said = pytest.CaptureFixture[str]
NOISE = (1.0, 1.01, 0.99, 1.005, 0.995)


class Nights:
    """Nights of runs whose latencies are given, each with a little noise of its own."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.out, self.day, self.minute = place / "out", 0, 0
        self.script: Iterator[tuple[float, int]] = iter(())
        patch.setattr(load_command, "made", self.one)

    def one(self, *_: object, **__: object) -> FinishedRun:
        ms, code = next(self.script)
        self.minute += 2
        commit = f"{self.day:07x}"
        path = made(self.out, self.day, ms, self.minute, commit=commit, branch="main")
        reading = read(path)
        return FinishedRun(path, reading.summary, code, reading)

    def night(self, *levels: float, codes: int = 0, flags: tuple[str, ...] = ()) -> int:
        """A night with a round of three runs at each of these latencies; return its exit code."""
        self.day, self.minute = self.day + 1, 0
        wobble = 1 + 0.01 * ((self.day * 7) % 5 - 2) / 2
        self.script = iter([(ms * wobble * noise, codes) for ms in levels for noise in NOISE[:3]])
        return run(["nightly", "--out", str(self.out), "--repeats", "3", "--history", *flags])

    def found(self) -> dict[str, Any]:
        """What the last night found."""
        folder = max((self.out / "nights").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return dict(json.loads((folder / "nightly.json").read_text()), folder=folder)


@pytest.fixture
def nights(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nights]:
    monkeypatch.setenv("HARNESS_HISTORY", "on")
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    with database(postgres_url) as url:
        monkeypatch.setenv("HARNESS_HISTORY_URL", url)
        yield Nights(tmp_path, monkeypatch)


def test_nights_become_the_baseline_and_a_slower_one_is_confirmed_before_it_is_called_that(
    nights: Nights, capsys: Said
) -> None:
    """First nothing to compare with; then alike; a slow night twice; once slow is not confirmed, and is no baseline."""
    assert nights.night(20.0) == 0
    assert nights.found()["word"] == "no_baseline"
    for _ in range(4):
        assert nights.night(20.0) == 0
    assert nights.found()["word"] in {"equivalent", "inconclusive"}
    assert len(nights.found()["rounds"]) == 1

    assert nights.night(30.0, 30.0) == 1
    found = nights.found()
    assert (found["word"], len(found["runs"]), len(found["rounds"])) == ("regressed", 6, 2)
    assert "p95 of steady" in found["why"]
    assert 'failures="1"' in (found["folder"] / "nightly.xml").read_text()
    assert (found["folder"] / "round-2" / "compare.html").is_file()

    assert nights.night(30.0, 20.0) == 0
    assert nights.found()["word"] == "not_confirmed"
    capsys.readouterr()
    assert run(["baseline", "show", "--json"]) == 0
    (baseline,) = json.loads(capsys.readouterr().out)["baselines"]
    days = {one["run_id"][:8] for one in baseline["runs"]}
    assert days == {f"2026010{day}" for day in range(1, 6)}


def test_a_baseline_that_was_set_is_the_one_and_compare_knows_its_name(nights: Nights, capsys: Said) -> None:
    """`baseline`, a tag, a branch, and the beginning of a run's id as sides."""
    nights.night(20.0)
    nights.night(20.0)
    first, last = (sorted((nights.out / "night").glob("2026*"))[at] for at in (0, -1))
    run(["history", "tag", first.name, "release"])
    assert run(["baseline", "set", "release"]) == 0
    capsys.readouterr()
    for a, runs in (("baseline", [first.name]), ("release", [first.name]), (first.name[:16], [first.name])):
        assert run(["compare", a, str(last), "--describe", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["a"]["runs"] == runs
    assert run(["compare", "main", "baseline", "--describe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["a"]["n"] == 6
    assert run(["baseline", "clear", first.name]) == 0
    capsys.readouterr()
    assert run(["compare", "baseline", str(last), "--describe", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["a"]["n"] == 6
    assert run(["compare", "nobody", str(last)]) == 2
    assert run(["compare", "baseline", "baseline"]) == 2
    assert run(["baseline", "set", "nobody"]) == 2


def test_without_a_history_a_night_says_so_and_is_what_its_runs_are(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    """Its server is gone: the runs wait, the night is reported, the exit code is theirs."""
    monkeypatch.setenv("HARNESS_HISTORY_URL", "postgresql://u@127.0.0.1:1/x")
    assert nights.night(20.0, codes=1) == 1
    assert nights.found()["word"] == "not_compared"
    said = capsys.readouterr()
    assert said.err.count("not in the history yet") == 3
    assert "not in the baseline of later ones" not in said.err
    assert nights.night(20.0, flags=("--no-history",)) == 0
    assert "switched off" in nights.found()["why"]


def test_a_target_that_is_not_there_ends_the_night(nights: Nights, capsys: Said) -> None:
    assert nights.night(20.0, codes=4) == 4
    assert len(nights.found()["runs"]) == 1


def test_an_interrupted_night_is_said_and_is_no_baseline(nights: Nights, capsys: Said) -> None:
    assert nights.night(20.0, codes=130) == 130
    assert "interrupted" in nights.found()["why"]
    assert run(["baseline", "show"]) == 0
    assert "No baseline" in capsys.readouterr().out


def test_a_second_nightly_beside_one_is_refused(nights: Nights, capsys: Said) -> None:
    """Whoever holds the lock is named; it is gone with its holder."""
    nights.out.mkdir()
    with (nights.out / ".nightly.lock").open("w") as held:
        held.write("4711")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        assert nights.night(20.0) == 2
        assert "Process 4711 runs it" in capsys.readouterr().err
    assert nights.night(20.0) == 0


def test_the_page_of_a_ci_job_always_says_something(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    """And --json is one object."""
    page = tmp_path / "page.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    assert nights.night(20.0, flags=("--json",)) == 0
    assert json.loads(capsys.readouterr().out)["word"] == "no_baseline"
    assert "nothing to compare with" in page.read_text()
