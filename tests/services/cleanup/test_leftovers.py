"""Undoing what a run left: known kinds, unknown kinds, things that cannot be undone, in the right order."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.run_directory import undo
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.cleanup import janitor, leftovers
from harness.services.cleanup.janitor_process import watching
from harness.services.processes import proctable

pytestmark = pytest.mark.parts


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[UndoJournal]:
    with UndoJournal(tmp_path / "undo.jsonl") as opened:
        yield opened


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be undone is not tried for two seconds."""
    monkeypatch.setattr(leftovers, "SWEEP_S", 0.05)


def forked(*deaf_to: signal.Signals) -> int:
    """A child of this test that waits for a signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, deaf_to)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        while True:
            signal.pause()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def test_directories_and_processes_are_gone_and_told(journal: UndoJournal, tmp_path: Path) -> None:
    """A line each; the file lists nothing any more."""
    place = tmp_path / "harness-place"
    journal.directory(place)
    place.mkdir()
    pid = forked()
    journal.process(pid, "part")
    said = leftovers.undo_all(journal.path)
    assert set(said) == {
        f"process {pid} (part): sent SIGKILL",
        f"undone: process {pid} (part)",
        f"undone: directory {place}",
    }
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert journal.open() == []


def test_a_deaf_process_is_killed_after_its_grace(
    journal: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked by its own signal first."""
    monkeypatch.setattr(leftovers, "GRACE_S", 0.05)
    pid = forked(signal.SIGUSR1)
    journal.process(pid, "part", signal=signal.SIGUSR1)
    assert leftovers.undo_all(journal.path)[0] == f"process {pid} (part): sent SIGUSR1"
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_one_that_left_family_and_session_is_found_by_its_mark(journal: UndoJournal) -> None:
    """Nothing in the file names it."""
    pid = os.spawnve(os.P_NOWAIT, "/bin/sleep", ["sleep", "600"], {proctable.MARK: f"{journal.path}#1"})
    deadline = time.monotonic() + 60
    while not proctable.marked(f"{journal.path}#", proctable.table()) and time.monotonic() < deadline:
        time.sleep(0.01)  # between fork and exec it still has our environment
    assert leftovers.undo_all(journal.path) == [f"ended process {pid}, which had left its family"]
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_things_are_undone_newest_first(journal: UndoJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault before the process it sits in, a process before its directory."""
    order: list[str] = []
    monkeypatch.setitem(leftovers.HANDLERS, "note", lambda data: order.append(data["name"]))
    for name in ("directory", "process", "fault"):
        journal.add("note", name=name)
    leftovers.undo_all(journal.path)
    assert order == ["fault", "process", "directory"]


def test_what_cannot_be_undone_is_told_and_kept(
    journal: UndoJournal, impatient: None, tmp_path: Path
) -> None:
    """Each for its own reason; none keeps the others from being undone."""
    kept = tmp_path / "precious"
    kept.mkdir()
    journal.directory(kept)
    journal.add("toxic", path="harness-db")
    journal.add("process", pid="none", start_ticks=1, boot=undo.boot_id())
    journal.directory(tmp_path / "harness-gone")
    said = leftovers.undo_all(journal.path)
    assert said[0] == f"undone: directory {tmp_path / 'harness-gone'}"
    assert said[1].startswith(f"LEFT: directory {kept}: {kept} is not a temporary directory of the harness")
    assert said[2] == "LEFT: toxic harness-db: it is not known how to undo 'toxic'"
    assert said[3].startswith("LEFT: process none (None): ")
    assert kept.exists()
    assert len(journal.open()) == 3


def test_a_directory_that_cannot_be_removed_is_told_with_the_command(
    journal: UndoJournal, impatient: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mount in it, say."""
    place = tmp_path / "harness-stuck"
    place.mkdir()
    journal.directory(place)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    assert leftovers.undo_all(journal.path) == [
        f"LEFT: directory {place}: {place} cannot be removed: rm -r {place}"
    ]


def test_a_process_that_does_not_end_is_told(
    journal: UndoJournal, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hangs in the kernel, say."""
    pid = forked()
    journal.process(pid, "part")
    with monkeypatch.context() as patch:
        patch.setattr(proctable, "send", lambda *_: False)
        assert leftovers.undo_all(journal.path) == [f"LEFT: process {pid} (part): still running: {pid}"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_clean_works_once_the_run_is_over(journal: UndoJournal, tmp_path: Path) -> None:
    """And leaves it alone before."""
    place = tmp_path / "harness-place"
    place.mkdir()
    journal.directory(place)
    assert "still going" in leftovers.clean(journal.path)[0]
    assert place.exists()
    text = journal.path.read_text().replace(undo.boot_id(), "another-boot")
    journal.path.write_text(text)
    assert leftovers.clean(journal.path) == [f"undone: directory {place}"]
    assert leftovers.clean(journal.path) == []


@pytest.fixture
def piped() -> Iterator[list[int]]:
    """A pipe that has ended, and one to say hello on with its other end; signals are as they were afterwards."""
    before = {number: signal.getsignal(number) for number in janitor.IGNORED}
    (stdin, opener), (reader, stdout) = os.pipe(), os.pipe()
    os.close(opener)
    yield [stdin, stdout, reader]
    for descriptor in (stdin, stdout, reader):
        os.close(descriptor)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_janitor_with_nothing_to_do_leaves_without_a_word(journal: UndoJournal, piped: list[int]) -> None:
    """Its hello said that it watches."""
    assert janitor.main(journal.path, *piped[:2]) == 0
    assert os.read(piped[2], 100) == janitor.HELLO
    assert not journal.path.with_name("janitor.log").exists()


def test_a_janitor_says_what_it_did_and_what_is_left(
    journal: UndoJournal, piped: list[int], tmp_path: Path, impatient: None
) -> None:
    """In janitor.log of the run, and by its exit code."""
    journal.directory(tmp_path / "harness-a")
    assert janitor.main(journal.path, *piped[:2]) == 0
    journal.add("toxic")
    assert janitor.main(journal.path, *piped[:2]) == 1
    assert (tmp_path / "janitor.log").read_text().splitlines() == [
        f"undone: directory {tmp_path / 'harness-a'}",
        "LEFT: toxic: it is not known how to undo 'toxic'",
    ]


def test_a_janitor_that_fails_says_so_too(
    journal: UndoJournal, piped: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left to tell but the log."""
    journal.add("x")
    monkeypatch.setattr(janitor, "undo_all", lambda _: 1 / 0)
    assert janitor.main(journal.path, *piped[:2]) == 1
    assert "ZeroDivisionError" in (tmp_path / "janitor.log").read_text()
    assert len(read_open(journal.path)) == 1


async def test_a_janitor_that_does_not_leave_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for it is bounded."""
    monkeypatch.setattr("harness.services.cleanup.janitor_process.LEAVE_S", 0.05)
    async with watching(tmp_path / "undo.jsonl"):
        (pid,) = (
            each.pid
            for each in proctable.table().values()
            if each.ppid == os.getpid() and str(tmp_path) in Path(f"/proc/{each.pid}/cmdline").read_text()
        )
        os.kill(pid, signal.SIGSTOP)
    assert proctable.read(pid) is None


def test_shared_memory_that_is_not_there_is_undone(journal: UndoJournal, tmp_path: Path) -> None:
    """PostgreSQL ended by itself; that of one that was killed is tested in test_services_janitor."""
    journal.add("shared_memory", path=str(tmp_path))
    assert leftovers.undo_all(journal.path) == [f"undone: shared_memory {tmp_path}"]
