"""Temporary directories: announced first, gone last."""

import os
from pathlib import Path

import pytest

from harness.foundation.errors import ServiceError
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.processes import temporary

STRANGER = 61_234


@pytest.fixture
def undo(tmp_path: Path):
    with UndoJournal(tmp_path / "undo.jsonl") as journal:
        yield journal


async def test_it_is_announced_before_it_is_made_and_done_when_it_is_gone(undo: UndoJournal) -> None:
    """Readable by its owner only, with all that was put in it."""
    async with temporary.directory("test") as path:
        (entry,) = read_open(undo.path)
        assert entry.data["path"] == str(path)
        assert path.stat().st_mode & 0o777 == 0o700
        (path / "deep").mkdir()
        (path / "deep" / "file").write_text("x")
    assert not path.exists()
    assert undo.open() == []


async def test_it_is_gone_after_an_error_too(undo: UndoJournal) -> None:
    """The error goes on."""
    with pytest.raises(KeyError):
        async with temporary.directory("test") as path:
            raise KeyError
    assert not path.exists()


async def test_one_that_cannot_be_made_leaves_nothing_to_undo_but_its_line(
    undo: UndoJournal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The line is written ahead; undoing what is not there is no work."""
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError("full")))
    with pytest.raises(PermissionError):
        async with temporary.directory("test"):
            pass
    assert len(undo.open()) == 1


async def test_another_user_s_directory_is_put_where_that_user_can_enter(
    undo: UndoJournal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """TMPDIR below a closed directory is passed over."""
    closed = tmp_path / "closed" / "tmp"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(closed))
    async with temporary.directory("test", reachable_by=STRANGER) as path:
        assert not path.is_relative_to(tmp_path)
    async with temporary.directory("test", reachable_by=os.getuid()) as path:
        assert path.is_relative_to(closed)


async def test_nowhere_to_go_is_told_with_what_to_do(
    undo: UndoJournal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing is announced either."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(temporary.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(temporary, "PLACES", ())
    with pytest.raises(ServiceError, match="no place for temporary files") as caught:
        async with temporary.directory("test", reachable_by=STRANGER):
            pass
    assert "TMPDIR" in caught.value.todo
    assert undo.open() == []
