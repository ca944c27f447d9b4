"""Checksums: whatever is changed after a run ended is seen."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.run_directory import checksums


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name in checksums.GUARDED[:-1]:
        (tmp_path / name).write_text(name, encoding="utf-8")
    checksums.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda run: None, []),
        (lambda run: (run / "summary.json").write_text("{}"), []),
        (
            lambda run: (run / "plan.json").write_text("other"),
            ["plan.json was changed after the run ended"],
        ),
        (lambda run: (run / "events.jsonl").unlink(), ["events.jsonl is gone"]),
        (
            lambda run: (run / "work.jsonl").write_text("{}"),
            ["work.jsonl was not there when the run ended"],
        ),
        (lambda run: (run / checksums.NAME).write_text("[]"), ["checksums.json cannot be read"]),
        (lambda run: (run / checksums.NAME).unlink(), []),
    ],
)
def test_a_file_that_differs_is_named(run: Path, change: Callable[[Path], object], why: list[str]) -> None:
    """Files that a report writes are not guarded; a run of an older version has no checksums."""
    change(run)

    assert list(checksums.differing(run)) == why
