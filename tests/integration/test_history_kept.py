"""The embedded history, for real: started when needed, one at a time, and nothing half there whoever is killed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.history import adding, opening, spool, store
from harness.history.location import HistoryGoneError, Place
from harness.history.opening import Connection
from harness.history.store import Where
from harness.services.backends import kept_postgres
from tests.history.records import record
from tests.integration.histories import made
from tests.waiting import until

pytestmark = pytest.mark.timeout(240)

# A process that has committed one run, and then stands in the middle of bringing another.
HALF_WAY = """
import asyncio, sys
from pathlib import Path
from harness.history import opening, store
from harness.history.location import Place
from tests.history.records import record

async def main():
    async with opening.opened(Place(Path(sys.argv[1]))) as connection:
        await store.bring(connection, [("a", record("committed"))])
        async with connection.transaction():
            await store._copy(connection, [record("half")])
            print("half way", flush=True)
            await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def first() -> Iterator[Path]:
    """A history that was made once for these tests; each has a copy."""
    with _reachable() as place:
        asyncio.run(_count(place))
        yield place


@pytest.fixture
def place(first: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A history of this test alone, where the user `nobody` can go if root runs the tests."""
    with _reachable() as own:
        subprocess.run(["cp", "-a", f"{first}/.", str(own)], check=True)
        monkeypatch.setenv("HARNESS_HISTORY_DIR", str(own))
        yield own


def _reachable() -> "tempfile.TemporaryDirectory[str]":
    class Reachable(tempfile.TemporaryDirectory):  # type: ignore[type-arg]
        def __enter__(self) -> Path:  # type: ignore[override]
            Path(self.name).chmod(0o711)
            return Path(self.name)

    return Reachable(prefix="history-", ignore_cleanup_errors=True)


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Connection]:
    async with opening.opened(Place(place)) as connection:
        yield connection


async def _count(place: Path) -> list[str]:
    """The run ids that are there; every one of them whole."""
    async with opened(place) as connection:
        found = await store.find(connection, Where(), histograms=True)
        for table in ("steps", "figures", "histograms"):
            lost = f"SELECT count(*) FROM {table} WHERE run NOT IN (SELECT id FROM runs)"
            assert await connection.fetchval(lost) == 0
    assert all(one.steps and one.figures and one.histograms for one in found)
    return sorted(one.run_id for one in found)


def server_pid(place: Path) -> int:
    return int((place / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_it_runs_only_while_it_is_needed_and_keeps_what_it_has(place: Path) -> None:
    """Its files are the user's alone; it syncs; it is gone afterwards."""
    async with opened(place) as connection:
        pid = server_pid(place)
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        await store.bring(connection, [("a", record("a"))])
    until(lambda: not is_there(pid))
    assert await _count(place) == ["a"]
    for name in ("data", "password"):
        assert (place / "postgres" / name).stat().st_mode & 0o077 == 0


async def test_a_server_that_is_killed_loses_nothing_that_was_committed_and_keeps_nothing_half(
    place: Path,
) -> None:
    """In the middle of a batch; what is said is no traceback."""

    async def killed() -> None:
        async with opened(place) as connection:
            await store.bring(connection, [("a", record("committed"))])
            async with connection.transaction():
                await store._copy(connection, [record("half")])
                os.kill(server_pid(place), signal.SIGKILL)
                while True:
                    await connection.fetchval("SELECT 1")

    with pytest.raises(HistoryGoneError) as raised:
        await killed()
    assert "cannot be used" in raised.value.what
    assert await _count(place) == ["committed"]


def test_a_command_that_is_killed_leaves_no_server_and_nothing_half(place: Path) -> None:
    """`kill -9` of who has it: the next one waits for the end of its server, and goes on."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, str(place)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half way\n"
    pid = server_pid(place)
    process.kill()
    process.wait()

    assert asyncio.run(_count(place)) == ["committed"]
    until(lambda: not is_there(pid))


def test_a_note_of_a_dead_server_whose_number_is_somebody_else_s_by_now_is_no_obstacle(place: Path) -> None:
    note = place / "postgres" / "data" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{place}/postgres/data\n1\n5432\n\n127.0.0.1\n  1 1\nready   \n")
    if os.geteuid() == 0:
        shutil.chown(note, "nobody")

    assert asyncio.run(_count(place)) == []


def test_who_finds_it_in_use_waits_and_then_says_so_and_the_run_is_kept(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And goes in with the next run."""
    run_dir = made(tmp_path, 1)
    monkeypatch.setattr(adding, "WAIT_S", 0.1)

    async def meanwhile() -> str:
        async with opened(place):
            return await asyncio.to_thread(adding.arrive, run_dir)

    warning = asyncio.run(meanwhile())
    assert f"is in use: Process {os.getpid()} has had it" in warning
    assert len(spool.waiting(place / "spool")) == 1
    assert adding.arrive(made(tmp_path, 2)) == ""
    assert len(asyncio.run(_ids(place))) == 2


async def _ids(place: Path) -> list[str]:
    async with opened(place) as connection:
        return [one.run_id for one in await store.find(connection, Where(), parts=False)]


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_a_place_that_is_not_there_is_made_so_that_postgresql_can_work_in_it(
    mask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, too, whose files nobody else can read while it makes a run."""
    with _reachable() as own:
        monkeypatch.setenv("HARNESS_HISTORY_DIR", str(own / "deep" / "history"))
        run_dir, before = made(tmp_path, 1), os.umask(mask)
        try:
            assert adding.arrive(run_dir) == ""
        finally:
            os.umask(before)
        assert (own / "deep" / "history" / "spool").stat().st_mode & 0o077 == 0
        assert (own / "deep").stat().st_mode & 0o066 == 0


def test_two_commands_at_once_both_get_their_turn(place: Path, tmp_path: Path) -> None:
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "harness", "history", "push", str(made(tmp_path, day))],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for day in (1, 2)
    ]  # fmt: skip
    said = [command.communicate(timeout=120)[0] for command in commands]

    assert [command.returncode for command in commands] == [0, 0], said
    assert len(asyncio.run(_ids(place))) == 2


def test_a_history_that_cannot_be_made_leaves_nothing_half_and_is_made_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """initdb is killed: there are no data that a later command would take for a history."""
    with _reachable() as own:
        monkeypatch.setenv("HARNESS_HISTORY_DIR", str(own))
        with monkeypatch.context() as broken:
            broken.setattr(kept_postgres.postgres, "INITDB_S", 0.0)
            assert run(["history", "list"]) == 3
        assert "could not make its data directory" in capsys.readouterr().err
        assert not (own / "postgres" / "data").exists()
        assert run(["history", "list"]) == 0
        assert [path.name for path in (own / "postgres").glob("new-*")] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small disk")
def test_a_full_disk_loses_no_run_and_leaves_no_row_half_there(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the database has no room, then not even the spool; when there is room again, all goes in."""
    disk = Path(tempfile.mkdtemp(prefix="history-"))
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(disk)], check=False
    ).returncode:
        disk.rmdir()
        pytest.skip("this root may not mount")
    try:
        disk.chmod(0o711)
        own = disk / "history"
        subprocess.run(["cp", "-a", str(first), str(own)], check=True)
        monkeypatch.setenv("HARNESS_HISTORY_DIR", str(own))
        assert adding.arrive(made(tmp_path, 1)) == ""
        ballast = disk / "ballast"
        _fill(ballast, leave=40_000)
        late, later = made(tmp_path, 2), made(tmp_path, 3)

        said = adding.arrive(late)
        assert "not in the history" in said
        _fill(ballast, leave=0)
        assert f"harness history push {later}" in adding.arrive(later)
        ballast.unlink()

        assert run(["history", "push", str(late), str(later)]) == 0
        assert len(asyncio.run(_ids(own))) == 3
        assert spool.waiting(own / "spool") == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
        disk.rmdir()


def _fill(path: Path, leave: int) -> None:
    """Use up the disk, but for so many bytes."""
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize - leave
                if free <= 0:
                    return
                file.write(b"x" * min(free, 1 << 20))
        except OSError:
            return
