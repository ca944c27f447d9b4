"""`harness runs`: the list, the removal, and what is said of it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.analysis.statistics.rounding import BLANK
from harness.cli.main import run
from harness.history import exchange
from harness.run_directory import directory
from tests.history.past import past


def test_runs_are_shown_with_what_they_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line a run, newest first; one that was cut off has dashes."""
    past(tmp_path, 1)
    newest = past(tmp_path, 2)
    past(tmp_path, 3, "other", ended=False)
    (newest.parent / "latest").symlink_to(newest.name)

    assert run(["runs", "--out", str(tmp_path)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()

    assert head.split()[:3] == ["Scenario", "Started", "(UTC)"]
    assert lines[0].split()[:8] == ["other", "2026-01-03", "03:00", "cut", "off", *[BLANK] * 3]
    assert lines[1].split()[:8] == ["night", "2026-01-02", "03:00", "measured", "10", "200/s", "40.0", "ms"]
    assert [line.endswith("(latest)") for line in lines] == [False, True, False]


def test_old_runs_are_removed_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What has to stay is named too, with the reason; --json says the same."""
    oldest, old = past(tmp_path, 1), past(tmp_path, 2)
    past(tmp_path, 3)
    (oldest.parent / "latest").symlink_to(oldest.name)

    assert run(["runs", "--keep", "1", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"Removed {old}\n" in out
    assert f"Kept {oldest}: `latest` points to it\n" in out
    assert not old.exists()

    (oldest.parent / "latest").unlink()
    assert run(["runs", "--keep", "1", "--json", "--out", str(tmp_path)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["removed"] == [str(oldest)]
    assert [one["p95_ms"] for one in said["runs"]] == [40.0]


def test_wrong_use_removes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keeping none, a directory that is not there, one that cannot be written to."""
    past(tmp_path, 1)
    past(tmp_path, 2)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "x")

    assert run(["runs", "--keep", "0", "--out", str(tmp_path)]) == 2
    assert run(["runs", "--out", str(tmp_path / "nowhere")]) == 2
    monkeypatch.setattr("harness.history.runs.remove", refuse)
    assert run(["runs", "--keep", "1", "--out", str(tmp_path)]) == 2
    assert "Permission denied: x" in capsys.readouterr().err
    assert len(list((tmp_path / "night").iterdir())) == 2


def test_a_place_without_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty list is no error."""
    assert run(["runs", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"No runs in {tmp_path}\n"


@pytest.mark.parametrize(
    "content",
    [
        "5",
        '{"verdict": 5}',
        '{"verdict": "pass", "steps": "x", "totals": {}, "latency_ms": {}}',
        "[" * 100_000,
    ],
)
def test_a_summary_that_cannot_be_read_is_told_in_its_row(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And `latest` may lead in a circle: the others are listed all the same."""
    run_dir = directory.create(tmp_path, "n", datetime(2026, 1, 1, tzinfo=UTC))
    run_dir.write_json(
        "metadata.json", {"run_id": run_dir.run_id, "scenario": "n\x1b[2J", "started_at": "2026"}
    )
    (run_dir.path / "summary.json").write_text(content)
    run_dir.undo.write_text('{"owner": "x", "boot": 5}\n' + "[" * 100_000 + "\n")
    (run_dir.path.parent / "latest").symlink_to("latest")

    assert run(["runs", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert " damaged " in out
    assert "\x1b" not in out


def test_what_a_summary_does_not_say_is_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A summary of another version may say less."""
    run_dir = directory.create(tmp_path, "n", datetime(2026, 1, 1, tzinfo=UTC))
    run_dir.write_json("metadata.json", {"run_id": run_dir.run_id})
    run_dir.write_json(
        "summary.json", {"verdict": "fail", "steps": [{}], "totals": {}, "latency_ms": {"response": {}}}
    )

    assert run(["runs", "--out", str(tmp_path), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert (row["state"], row["users"], row["p95_ms"]) == ("fail", None, None)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "name",
    ["metadata.json", "summary.json", "events.jsonl", "undo.jsonl", "scenario.yaml", "spool/worker-0.spool"],
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Whoever made the directory: every command that reads runs says so, and ends."""
    sound, odd = past(tmp_path, 1), past(tmp_path, 2)
    (odd / name).parent.mkdir(exist_ok=True)
    (odd / name).unlink(missing_ok=True)
    os.mkfifo(odd / name)

    assert run(["runs", "--out", str(tmp_path)]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert len(lines) == (1 if name == "metadata.json" else 2)
    assert name == "metadata.json" or "damaged" in lines[0]
    assert run(["report", str(odd)]) == 2
    assert run(["compare", str(sound), str(odd)]) == 2
    refused: list[tuple[str, str]] = []
    assert [path for batch in exchange.batches(tmp_path, refused) for path, _ in batch] in ([str(sound)], [])
    assert name == "metadata.json" or str(odd) in dict(refused)
    capsys.readouterr()
