"""`harness history`, on a real PostgreSQL: what each command says and does."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.history import spool
from harness.history.adding import arrive
from harness.history.location import place
from tests.history.records import record
from tests.integration.histories import database, made

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def history(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The history of this test alone."""
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    with database(postgres_url) as url:
        monkeypatch.setenv("HARNESS_HISTORY_URL", url)
        yield


def listed(capsys: Said, *flags: str) -> list[str]:
    """The run ids in the history, newest first."""
    capsys.readouterr()
    assert run(["history", "list", "--json", *flags]) == 0
    return [one["run_id"] for one in json.loads(capsys.readouterr().out)["runs"]]


def test_a_directory_of_runs_is_imported_once_and_what_is_no_run_is_named(
    tmp_path: Path, capsys: Said
) -> None:
    """Oldest first in, newest first out; one without a summary is left out with the reason."""
    paths = [made(tmp_path / "runs", day) for day in (1, 2, 3)]
    (paths[0] / "summary.json").unlink()

    assert run(["history", "import", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr()
    assert "Brought 2 run(s)" in said.out
    assert f"Left out {paths[0]}: it has no summary.json" in said.err
    assert listed(capsys) == [paths[2].name, paths[1].name]
    assert run(["history", "import", str(tmp_path / "runs")]) == 0
    assert "Brought 0 run(s)" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["import", "push"])
def test_a_run_that_the_database_refuses_was_not_there(tmp_path: Path, capsys: Said, how: str) -> None:
    """Nothing came in, and that is no success."""
    path = made(tmp_path / "runs", 1)
    metadata = json.loads((path / "metadata.json").read_text())
    (path / "metadata.json").write_text(json.dumps(metadata | {"started_at": "never"}))
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps(summary | {"started_at": "never"}))

    assert run(["history", how, str(path if how == "push" else tmp_path / "runs")]) == 3
    said = capsys.readouterr()
    assert (said.out, f"Left out {path}" in said.err) == ("Brought 0 run(s) into the history\n", True)


def test_a_run_is_shown_with_percentiles_that_were_never_written_down(tmp_path: Path, capsys: Said) -> None:
    """Out of its histograms; found by the beginning of its id and by its directory."""
    path = made(tmp_path, 1, ms=25.0, commit="0123456789abcdef", branch="fix/x")
    assert run(["history", "push", str(path)]) == 0
    capsys.readouterr()

    for name in (path.name[:12], str(path)):
        assert run(["history", "show", name]) == 0
        text = capsys.readouterr().out
        assert "0123456789abcdef on fix/x" in text
        assert "steady" in text
        assert "p99.9" in text
        assert "25.0 ms" in text
    assert run(["history", "list"]) == 0
    assert "fix/x" in capsys.readouterr().out


def test_what_people_say_of_a_run_stays_with_it(tmp_path: Path, capsys: Said) -> None:
    """A tag, an exclusion with its reason, and that it was taken back."""
    name = made(tmp_path, 1).name
    run(["history", "push", str(tmp_path / "night" / name)])
    assert run(["history", "tag", name, "release"]) == 0
    assert run(["history", "exclude", name, "--why", "a backup\x1b[2J ran"]) == 0
    assert listed(capsys, "--tag", "release") == [name]
    assert run(["history", "show", name]) == 0
    text = capsys.readouterr().out
    assert "no: excluded: a backup" in text
    assert "\x1b" not in text
    assert run(["history", "exclude", name, "--undo"]) == 0
    assert run(["history", "tag", name, "release", "--remove"]) == 0
    assert listed(capsys, "--tag", "release") == []
    run(["history", "show", name, "--json"])
    assert [note["note"] for note in json.loads(capsys.readouterr().out)["notes"]] == [
        "excluded: a backup\x1b[2J ran",
        "no longer excluded",
    ]


def test_an_export_is_imported_as_it_was(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its histograms; a line that is none is named, and the others go in."""
    run(["history", "push", str(made(tmp_path, 1)), str(made(tmp_path, 2))])
    out = tmp_path / "runs.jsonl"
    assert run(["history", "export", "--out", str(out)]) == 0
    lines = out.read_text().splitlines()
    out.write_text("\n".join([lines[0], "{", '{"run_id": 1}', lines[1]]) + "\n")
    assert run(["history", "prune", "--older-than", "1h"]) == 0
    assert listed(capsys) == []

    assert run(["history", "import", str(out)]) == 0
    assert capsys.readouterr().err.count("Left out") == 2
    capsys.readouterr()
    assert run(["history", "export"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_pruning_keeps_the_newest_and_those_with_a_tag(tmp_path: Path, capsys: Said) -> None:
    """And says which go, and touches nothing when it is only asked."""
    names = [made(tmp_path, day).name for day in (1, 2, 3, 4)]
    run(["history", "import", str(tmp_path)])
    run(["history", "tag", names[0], "release"])
    capsys.readouterr()

    assert run(["history", "prune", "--keep", "1", "--dry-run"]) == 0
    assert capsys.readouterr().out.split() == names[1:3]
    assert run(["history", "prune", "--keep", "1"]) == 0
    assert listed(capsys) == [names[3], names[0]]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["show", "none"], "There is no run 'none'"),
        (["show", ""], "There is no run ''"),
        (["show", "x/" + "y" * 5000], "There is no run"),
        (["show", "2026"], "the beginning of more than one run id"),
        (["tag", "20260101T030000Z-abc123", " "], "That is no tag"),
        (["exclude", "20260101T030000Z-abc123"], "needs a reason"),
        (["exclude", "20260101T030000Z-abc123", "--why", "x", "--undo"], "needs a reason"),
        (["prune"], "Which runs?"),
        (["push", "nowhere"], "nowhere is not a run"),
        (["export", "--out", "/proc/nowhere/x"], "cannot be written"),
        (["import", "/dev/null"], "No run is in /dev/null"),
    ],
)
def test_wrong_use_is_said_in_three_lines(words: list[str], what: str, tmp_path: Path, capsys: Said) -> None:
    made(tmp_path, 1), made(tmp_path, 2)
    run(["history", "import", str(tmp_path)])
    capsys.readouterr()

    assert run(["history", *words]) == 2
    said = capsys.readouterr().err
    assert what in said
    assert len(said.splitlines()) == 3


def test_a_run_whose_history_is_gone_waits_and_goes_in_with_the_next(
    tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning, no error; nothing is lost, and nothing is there twice."""
    first, second = made(tmp_path, 1), made(tmp_path, 2)
    with monkeypatch.context() as away:
        away.setenv("HARNESS_HISTORY_URL", "postgresql://u:s3cret-pass@127.0.0.1:1/x")
        warning = arrive(first)
    assert "not in the history yet" in warning
    assert "s3cret-pass" not in warning
    assert len(spool.waiting(place().spool)) == 1

    assert run(["history", "list"]) == 0
    assert "1 run(s) wait to go in" in capsys.readouterr().err
    assert arrive(second) == ""
    assert listed(capsys) == [second.name, first.name]
    assert spool.waiting(place().spool) == []


def test_an_address_that_was_not_allowed_is_a_warning_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_HISTORY_URL", "postgresql://u@192.0.2.1/x")

    assert "is not this machine" in arrive(made(tmp_path, 1))
    assert len(spool.waiting(place().spool)) == 1


def test_a_run_that_cannot_be_kept_at_all_says_how_it_is_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the spool; no summary; both are warnings."""
    run_dir = made(tmp_path, 1)
    monkeypatch.setenv("HARNESS_HISTORY_DIR", "/proc/nowhere")
    assert f"harness history push {run_dir}" in arrive(run_dir)
    (run_dir / "summary.json").unlink()
    assert "no summary.json" in arrive(run_dir)


def test_one_that_waits_and_is_damaged_or_refused_is_set_aside_and_named(capsys: Said) -> None:
    """The others go in."""
    waits = place().spool
    spool.keep(waits, record("good"))
    spool.keep(waits, record("bad", duration_s=1.0, exit_code=2**40))
    spool.keep(waits, record("../../evil"))
    (waits / "a.run").write_bytes(b"\xc1")

    assert run(["history", "push"]) == 0
    said = capsys.readouterr()
    assert "Brought 2 run(s)" in said.out
    assert said.err.count("Left out") == 2
    assert sorted(path.name for path in waits.iterdir()) == ["a.run.refused", "bad.run.refused"]
    assert sorted(listed(capsys)) == ["../../evil", "good"]


def test_an_interrupted_run_is_kept_and_does_not_count(tmp_path: Path, capsys: Said) -> None:
    path = made(tmp_path, 1)
    assert arrive(path, interrupted=True) == ""
    run(["history", "show", path.name])

    assert "no: excluded: it was interrupted" in capsys.readouterr().out


def test_rows_that_are_gone_leave_a_record_without_histograms(tmp_path: Path, capsys: Said) -> None:
    path = made(tmp_path, 1)
    (path / "samples.parquet").unlink(missing_ok=True)
    shutil.rmtree(path / "spool", ignore_errors=True)

    assert arrive(path) == ""
    run(["history", "show", path.name, "--json"])
    found = json.loads(capsys.readouterr().out)["run"]
    assert (found["histograms"], len(found["steps"])) == ([], 1)
