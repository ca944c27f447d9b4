"""Threads: what was begun in one has ended before anybody cleans up."""

import asyncio
import threading
from pathlib import Path

import pytest

from harness.run_directory.undo import UndoJournal
from harness.services.backends import postgres
from harness.services.processes import temporary
from harness.services.processes.process import RunAs
from harness.services.processes.threads import to_the_end

DEADLINE_S = 60.0


@pytest.fixture
def undo(tmp_path: Path):
    with UndoJournal(tmp_path / "undo.jsonl") as journal:
        yield journal


async def test_a_result_and_an_error_come_through() -> None:
    """As if it had been called."""
    assert await to_the_end(divmod, 7, 2) == (3, 1)
    with pytest.raises(ValueError, match="invalid literal"):
        await to_the_end(int, "seven")


@pytest.mark.parametrize("cancellations", [1, 3])
async def test_what_a_thread_writes_does_not_come_back_after_a_cancellation(
    undo: UndoJournal, cancellations: int
) -> None:
    """However often somebody is told to stop, the directory is removed when nobody writes into it any more."""
    begun, goes_on = threading.Event(), threading.Event()
    places: list[Path] = []

    def write(place: Path) -> None:
        places.append(place)
        begun.set()
        assert goes_on.wait(DEADLINE_S)
        (place / "deep").mkdir(parents=True)
        raise OSError("nobody hears this")

    async def work() -> None:
        async with temporary.directory("test") as place:
            await to_the_end(write, place)

    working = asyncio.create_task(work())
    assert await asyncio.to_thread(begun.wait, DEADLINE_S)
    for _ in range(cancellations):
        working.cancel()
        await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert not places[0].exists()
    assert undo.open() == []


async def test_the_copy_of_postgresql_s_programs_is_gone_when_it_was_interrupted(
    undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 MB take a while, and Ctrl-C comes when it comes."""
    monkeypatch.setattr(temporary, "is_reachable", lambda path, _uid: "pginstall" not in str(path))
    begun, places = threading.Event(), []
    copy = postgres._copy

    def copying(install: Path, place: Path) -> None:
        places.append(place)
        begun.set()
        copy(install, place)

    monkeypatch.setattr(postgres, "_copy", copying)

    async def start() -> None:
        async with temporary.directory("postgres") as place:
            await postgres.reachable(postgres.wheel(), place, RunAs(61_234, 61_234))

    starting = asyncio.create_task(start())
    assert await asyncio.to_thread(begun.wait, DEADLINE_S)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not places[0].exists()
    assert undo.open() == []
