"""undo.jsonl: what must be undone, and what still is."""

import asyncio
import json
import os
from contextvars import Context
from pathlib import Path

import pytest

from harness.run_directory import undo
from harness.run_directory.undo import UndoJournal, journal, mark_done, owner_alive, read_open
from harness.services.processes import temporary
from harness.services.processes.process import running
from tests.run_directory.test_disk_space import files_up_to


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "undo.jsonl"


def test_what_is_announced_is_open_until_it_is_done(path: Path) -> None:
    """In the order in which it was announced."""
    with UndoJournal(path) as journal:
        directory = journal.directory(Path("/tmp/harness-x"))
        process = journal.process(os.getpid(), "me", signal=3)
        assert [(entry.id, entry.what) for entry in journal.open()] == [(1, "directory"), (2, "process")]
        directory.done()
        assert [entry.data["name"] for entry in journal.open()] == ["me"]
        process.done()
        assert journal.open() == []


def test_every_line_is_on_file_before_the_call_returns(path: Path) -> None:
    """A reader that opens the file afresh sees it: a crash loses nothing."""
    with UndoJournal(path) as journal:
        journal.process(os.getpid(), "me", signal=3)
        last = json.loads(path.read_text().splitlines()[-1])
    assert last == {
        "id": 1,
        "what": "process",
        "pid": os.getpid(),
        "start_ticks": undo.start_ticks(os.getpid()),
        "boot": undo.boot_id(),
        "name": "me",
        "signal": 3,
    }


def test_kinds_that_are_not_known_here_are_kept(path: Path) -> None:
    """A fault of a later version writes what it needs."""
    with UndoJournal(path) as journal:
        journal.add("toxic", proxy="harness-db", how="reset")
        (entry,) = journal.open()
    assert (entry.what, entry.data) == ("toxic", {"proxy": "harness-db", "how": "reset"})


def test_numbers_go_on_when_a_file_is_opened_again(path: Path) -> None:
    """Even behind things that are done: a late `done` must not hit a new thing."""
    with UndoJournal(path) as journal:
        journal.add("a").done()
        journal.add("b")
    with UndoJournal(path) as journal:
        assert journal.add("c").id == 3
        assert [entry.what for entry in journal.open()] == ["b", "c"]


@pytest.mark.parametrize(
    "torn", ['{"id": 2, "wh', "nonsense", "[1]", '{"id": "two", "what": "x"}', '{"done": 9}']
)
def test_a_line_that_makes_no_sense_is_passed_over(path: Path, torn: str) -> None:
    """What a torn line announces had not happened yet."""
    with UndoJournal(path) as journal:
        journal.add("kept")
    path.write_text(path.read_text() + torn)
    assert [entry.what for entry in read_open(path)] == ["kept"]


def test_somebody_else_can_mark_it_done(path: Path) -> None:
    """The janitor does, after the owner's death."""
    with UndoJournal(path) as journal:
        journal.add("a")
        journal.add("b")
    mark_done(path, 1)
    assert [entry.what for entry in read_open(path)] == ["b"]


def test_no_file_is_nothing_to_undo(path: Path) -> None:
    """A run that never got so far."""
    assert read_open(path) == []
    assert not owner_alive(path)


def test_the_owner_is_known_by_pid_start_and_boot(path: Path) -> None:
    """Each of them wrong, and it is somebody else."""
    me = {"owner": os.getpid(), "start_ticks": undo.start_ticks(os.getpid()), "boot": undo.boot_id()}
    with UndoJournal(path):
        assert owner_alive(path)
    for change in ({"start_ticks": 1}, {"boot": "another"}, {"owner": 2**22 + 1, "start_ticks": 0}):
        path.write_text(json.dumps(me | change) + "\n")
        assert not owner_alive(path)


def test_a_machine_that_tells_no_boot_is_one_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some containers hide it."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError))
    assert undo.boot_id() == ""


async def test_what_is_started_is_announced_in_the_journal_in_force(tmp_path: Path) -> None:
    """In the body of its `with`, and in tasks that are begun there; of two the inner one."""
    with UndoJournal(tmp_path / "outer.jsonl") as outer:
        assert journal() is outer
        with UndoJournal(tmp_path / "inner.jsonl") as inner:
            found = asyncio.ensure_future(_found())
            assert journal() is inner
        assert journal() is outer
        assert await found is inner


async def _found() -> UndoJournal:
    await asyncio.sleep(0)
    return journal()


async def test_nothing_is_started_where_nobody_would_end_it(tmp_path: Path) -> None:
    """Without a journal nothing is made, and no program is run."""

    async def start() -> None:
        with UndoJournal(tmp_path / "undo.jsonl"):
            pass
        with pytest.raises(RuntimeError, match="no journal is in force"):
            async with temporary.directory("test"):
                pytest.fail("the body must not run")
        with pytest.raises(RuntimeError, match="no journal is in force"):
            async with running(["touch", str(tmp_path / "ran")], name="part", log=tmp_path / "part.log"):
                pytest.fail("the body must not run")

    await asyncio.create_task(start(), context=Context())  # a fixture may have one in force
    assert not (tmp_path / "ran").exists()


def test_what_was_undone_is_written_down_on_a_full_disk_too(path: Path) -> None:
    """In the place of what it undoes: by the owner, and by who comes after it."""
    with UndoJournal(path) as journal:
        first, second = journal.directory(Path("/tmp/harness-x")), journal.directory(Path("/tmp/harness-y"))
        journal.directory(Path("/tmp/harness-z"))
        size = path.stat().st_size
        with files_up_to(size):
            first.done()
        assert [entry.id for entry in read_open(path)] == [2, 3]
        with files_up_to(size):
            mark_done(path, second.id)
        assert [entry.id for entry in read_open(path)] == [entry.id for entry in journal.open()] == [3]
        assert path.stat().st_size == size


def test_what_is_open_is_known_when_the_file_is_gone(path: Path) -> None:
    """A fault that is left over is left over."""
    with UndoJournal(path) as journal:
        journal.add("toxiproxy").done()
        journal.add("toxiproxy")
        path.unlink()
        assert [entry.id for entry in journal.open()] == [2]
