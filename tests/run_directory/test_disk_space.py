"""Errors of the system that mean that there is no room, and files that grow by whole pieces."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from harness.foundation.errors import NoRoomError, ServiceError
from harness.run_directory import disk_space
from harness.run_directory.appended_file import Appended
from harness.run_directory.directory import write_whole
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.samples import seal
from harness.run_directory.undo import UndoJournal, read_open
from tests.fakes.events import event as happened
from tests.fakes.events import name_of


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process may grow beyond it; the signal that comes with it is ignored by Python."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_errors_of_room_are_told_from_bugs(tmp_path: Path) -> None:
    """In three lines, with exit code 3; what is neither stays what it is."""
    inside, outside = str(tmp_path / "x.json"), "/elsewhere/x.json"
    of_room = [
        (OSError(errno.ENOSPC, "No space left on device", inside), "There is no room left for"),
        (OSError(errno.ENOSPC, "No space left on device"), "There is no room left in"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "There is no room left in"),
        (OSError(errno.EFBIG, "File too large"), "There is no room left in"),
        (OSError(errno.EROFS, "Read-only file system", inside), "cannot be written to any more"),
        (OSError(errno.EACCES, "Permission denied", inside), "cannot be written to any more"),
        (OSError(errno.EMFILE, "Too many open files"), "no room to work"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "no room to work"),
        (MemoryError(), "no room to work"),
        (pa.ArrowMemoryError("malloc of size 64 failed"), "no room to work"),
        (RuntimeError("can't start new thread"), "no room to work"),
        (ImportError("x.so: failed to map segment from shared object"), "no room to work"),
    ]
    for error, words in of_room:
        found = disk_space.blame(error, tmp_path)
        assert found is not None, error
        assert words in found.what
        assert (len(found.lines()), found.exit_code) == (3, 3)
    for bug in (
        OSError(errno.EACCES, "Permission denied", outside),
        OSError(errno.EACCES, "Permission denied"),  # of a connection, for example
        OSError(errno.ENOENT, "No such file or directory", inside),
        ValueError("x"),
        RuntimeError("x"),
    ):
        assert disk_space.blame(bug, tmp_path) is None, bug


def test_whatever_fails_in_a_directory_that_is_gone_fails_for_that(tmp_path: Path) -> None:
    """It says so, rather than which file was not found."""
    found = disk_space.blame(FileNotFoundError(errno.ENOENT, "No such file", "x"), tmp_path / "run")

    assert found is not None
    assert found.what == f"{tmp_path / 'run'} is gone"
    assert disk_space.blamed(ServiceError("a", "b"), tmp_path / "run").what == found.what
    assert disk_space.blamed(ServiceError("a", "b"), tmp_path).what == "a"


def test_what_is_free_is_told_of_a_place_that_is_still_to_be_made(tmp_path: Path) -> None:
    """Its file system's bytes and files, and the limit on one file."""
    with files_up_to(1 << 20):
        found = disk_space.free(tmp_path / "a" / "b")

    assert found.bytes > 0
    assert found.file_bytes == 1 << 20
    assert disk_space.free(tmp_path).file_bytes is None


def test_a_piece_that_finds_no_room_is_taken_back(tmp_path: Path) -> None:
    """What stands before it is whole, and what comes after it, too."""
    path = tmp_path / "lines"
    file = Appended(path)
    file.write(b"one\n")
    with files_up_to(8), pytest.raises(OSError, match="too large"):
        file.write(b"two is long\n")
    file.write(b"three\n")
    file.close()

    assert path.read_bytes() == b"one\nthree\n"


def test_a_file_that_was_deleted_or_moved_is_not_there(tmp_path: Path) -> None:
    """Though it can still be written to."""
    (tmp_path / "run").mkdir()
    file = Appended(tmp_path / "run" / "lines")
    assert file.there()
    (tmp_path / "run").rename(tmp_path / "moved")
    file.write(b"x")
    assert not file.there()


def test_events_without_room_raise_nothing_and_are_written_when_there_is_some(tmp_path: Path) -> None:
    """In their order; the first error is kept."""
    path = tmp_path / "events.jsonl"
    with EventLog(path) as log:
        log.write(happened(1, "run_started"))
        with files_up_to(path.stat().st_size + 5):
            log.write(happened(2, "step_running", {"index": 0}))
            log.write(happened(3, "run_ended", {"reason": "completed"}))
            assert [name_of(event) for event in read_events(path)] == ["run_started"]
        assert log.lines.failed is not None
        assert log.lines.failed.errno == errno.EFBIG

    assert [name_of(event) for event in read_events(path)] == ["run_started", "step_running", "run_ended"]


def test_what_cannot_be_announced_must_not_be_done(tmp_path: Path) -> None:
    """No room, or a file that is not there any more: an error, and no torn line."""
    path = tmp_path / "undo.jsonl"
    with UndoJournal(path) as journal:
        with files_up_to(path.stat().st_size + 5), pytest.raises(NoRoomError) as raised:
            journal.add("toxic", proxy="a")
        assert "The harness starts nothing that is not recorded there first" in raised.value.todo
        assert read_open(path) == []
        journal.add("toxic", proxy="b")
        path.unlink()
        with pytest.raises(NoRoomError, match="it is not there any more"):
            journal.add("toxic", proxy="c")


def test_what_was_undone_is_undone_where_nothing_more_can_be_written(tmp_path: Path) -> None:
    """Its owner knows; so does whoever reads the file, for it is written in the place of what was undone."""
    path = tmp_path / "undo.jsonl"
    with UndoJournal(path) as journal:
        entry = journal.add("toxic", proxy="a")
        with files_up_to(path.stat().st_size):
            entry.done()
        assert journal.open() == []
        assert read_open(path) == []


def test_files_and_samples_that_find_no_room_leave_no_part_of_themselves(tmp_path: Path) -> None:
    """A part of a file takes the room that is wanting."""
    (tmp_path / "spool").mkdir()
    with files_up_to(100):
        with pytest.raises(OSError, match="too large"):
            write_whole(tmp_path / "report.html", "x" * 1000)
        with pytest.raises(OSError, match="too large"):
            seal(tmp_path / "spool", tmp_path / "samples.parquet")

    assert [path.name for path in tmp_path.iterdir()] == ["spool"]
