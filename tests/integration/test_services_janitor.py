"""The janitor, for real: a run with PostgreSQL, a target and a command that hides its children, ended in every way."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.foundation.errors import ServiceError
from harness.foundation.secrets.hiding import HIDDEN
from harness.run_directory.undo import Ended, UndoJournal, read_open
from harness.services.cleanup import janitor, leftovers
from harness.services.cleanup.janitor_process import REPLACED_MOST, watching
from harness.services.processes import process, proctable, sharedmemory
from harness.services.processes.ports import is_taken

# Promised are three seconds, which the bounds in `leftovers` add up to; a busy machine may stretch them.
GONE_S = 60.0

RUN = '''
import asyncio, sys
from pathlib import Path
from harness.services.cleanup import janitor; from harness.services.backends import postgres; from harness.services.processes import readiness; from harness.services import target
from harness.services.cleanup.janitor_process import watching
from harness.services.processes.process import running

HIDES = """
import os, subprocess, sys, time
sleep = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
subprocess.Popen(sleep, start_new_session=True)
if not os.fork():
    os.setsid()
    subprocess.Popen(sleep)
    os._exit(0)
print("up", flush=True)
time.sleep(600)
"""

async def main(place):
    async with watching(place / "undo.jsonl") as undo:
        log = place / "hides.log"
        hides = [sys.executable, "-S", "-c", HIDES]
        async with (
            running(hides, name="hides", log=log, ready=readiness.line("up", log)),
            postgres.server(place) as server,
            target.managed(place, server.url) as started,
        ):
            import asyncpg
            connection = await asyncpg.connect(server.url)
            print(server.port, started.base_url.rpartition(":")[2], flush=True)
            await connection.execute("select pg_sleep(600)")

asyncio.run(main(Path(sys.argv[1])))
'''


class Watched:
    """A run as a child of this test, and everything that ever came of it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.undo = place / "undo.jsonl"
        with (place / "run.err").open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, str(place)],
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.root = (self.process.pid, proctable.read(self.process.pid).start_ticks)
        self.seen: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Remember who belongs to it now, by pid and start time."""
        table = proctable.table()
        found = proctable.family([self.root], table) | proctable.marked(f"{self.undo}#", table)
        self.seen |= {(each.pid, each.start_ticks) for each in found}

    def lines(self) -> int:
        return len(self.undo.read_text().splitlines()) if self.undo.exists() else 0

    async def until(self, condition, why: str) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self.look()
                assert self.process.poll() is None, (why, (self.place / "run.err").read_text())
                await asyncio.sleep(0.003)
        self.look()

    def left(self) -> dict[str, object]:
        """What is still there of it."""
        processes = {pid for pid, ticks in self.seen if proctable.is_alive(pid, ticks)}
        strays = {each.pid for each in proctable.marked(f"{self.undo}#", proctable.table())}
        announced = [json.loads(line) for line in self.undo.read_text().splitlines() if '"directory"' in line]
        directories = [entry["path"] for entry in announced if Path(entry["path"]).exists()]
        return {"processes": processes | strays, "directories": directories, "open": read_open(self.undo)}

    async def gone(self) -> None:
        """Nothing is left, soon."""
        try:
            async with asyncio.timeout(GONE_S):
                while any(self.left().values()) or self.process.poll() is None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log = self.place / "janitor.log"
            pytest.fail(f"left: {self.left()}; janitor: {log.read_text() if log.exists() else 'silent'}")


@pytest.fixture
def watched(tmp_path: Path):
    run = Watched(tmp_path)
    yield run
    if run.process.poll() is None:
        run.process.kill()
    run.process.wait(60)
    run.process.stdout.close()


ENDINGS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_nothing_is_left_of_a_run_that_is_ended_at_work(watched: Watched, ending: int) -> None:
    """No process, no port, no directory: killed, ended by signal, or interrupted, with a query running."""
    reading = asyncio.create_task(asyncio.to_thread(watched.process.stdout.readline))
    await watched.until(reading.done, "it starts")
    ports = [int(word) for word in (await reading).split()]
    assert all(is_taken(port) for port in ports)
    watched.look()
    assert len(watched.seen) > 10
    segments = Path("/proc/sysvipc/shm").read_text()

    watched.process.send_signal(ending)
    await watched.gone()
    assert not any(is_taken(port) for port in ports)
    own = {str(pid) for pid, _ in watched.seen}
    assert any(row.split()[4] in own for row in segments.splitlines()[1:])
    assert not any(row.split()[4] in own for row in Path("/proc/sysvipc/shm").read_text().splitlines()[1:])


@pytest.mark.parametrize(
    ("lines", "ending"),
    [
        *((lines, signal.SIGKILL) for lines in (1, 2, 3, 4, 6, 8)),
        (2, signal.SIGINT),
        (4, signal.SIGTERM),
        (8, signal.SIGINT),
    ],
)
async def test_nothing_is_left_of_a_run_that_is_ended_while_it_starts(
    watched: Watched, lines: int, ending: int
) -> None:
    """At each thing that it announces: the file is written ahead of all that there is to undo."""
    await watched.until(lambda: watched.lines() >= lines, f"line {lines}")
    watched.process.send_signal(ending)
    await watched.gone()


TALKS = """
import asyncio, sys
from pathlib import Path
from harness.foundation.secrets import hiding
from harness.services.cleanup import janitor; from harness.services.processes import readiness
from harness.services.cleanup.janitor_process import watching
from harness.services.processes.process import running

async def main(place):
    hiding.learn("known-before-7Q")
    async with watching(place / "undo.jsonl") as undo:
        hiding.learn("learnt-later-8R")
        log = place / "target.log"
        says = "print('it said known-before-7Q and learnt-later-8R', flush=True); import time; time.sleep(600)"
        async with running([sys.executable, "-S", "-c", says], name="talks", log=log, ready=readiness.line("it said", log)):
            print("up", flush=True)
            await asyncio.sleep(600)

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_no_secret_stays_in_the_logs_of_a_run_that_was_killed(tmp_path: Path) -> None:
    """Nobody else is left to hide it."""
    log = tmp_path / "target.log"
    with subprocess.Popen([sys.executable, "-c", TALKS, str(tmp_path)], stdout=subprocess.PIPE) as run:
        assert run.stdout.readline() == b"up\n"
        assert "it said known-before-7Q and learnt-later-8R" in log.read_text()
        run.kill()
    async with asyncio.timeout(GONE_S):
        while "7Q" in log.read_text() or "8R" in log.read_text():
            await asyncio.sleep(0.02)
    assert log.read_text() == f"it said {HIDDEN} and {HIDDEN}\n"


async def test_the_janitor_ignores_what_a_terminal_sends(tmp_path: Path) -> None:
    """It ends by its own will, after its parent."""
    async with watching(tmp_path / "undo.jsonl"):
        children = [each for each in proctable.table().values() if each.ppid == os.getpid()]
        pid = next(
            each.pid for each in children if str(tmp_path) in Path(f"/proc/{each.pid}/cmdline").read_text()
        )
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            os.kill(pid, number)
        ignored = int(
            next(
                line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigIgn" in line
            ).split()[1],
            16,
        )
        assert all(ignored & (1 << (number - 1)) for number in numbers)
        assert proctable.read(pid).alive
        assert proctable.read(pid).session == pid
    assert proctable.read(pid) is None


async def test_what_the_body_leaves_open_is_undone_at_its_end(tmp_path: Path) -> None:
    """And janitor.log says so."""
    directory = tmp_path / "harness-left"
    async with watching(tmp_path / "undo.jsonl") as undo:
        undo.directory(directory)
        (directory / "deep").mkdir(parents=True)
    assert not directory.exists()
    assert (tmp_path / "janitor.log").read_text() == f"undone: directory {directory}\n"


async def test_a_killed_janitor_is_stood_in_for(tmp_path: Path) -> None:
    """Its parent does its work at the end."""
    directory = tmp_path / "harness-left"
    async with watching(tmp_path / "undo.jsonl") as undo:
        undo.directory(directory)
        directory.mkdir()
        for each in proctable.table().values():
            if each.ppid == os.getpid() and str(tmp_path) in Path(f"/proc/{each.pid}/cmdline").read_text():
                os.kill(each.pid, signal.SIGKILL)
    assert not directory.exists()
    assert undo.open() == [] if not undo._file.closed else read_open(undo.path) == []


async def test_a_janitor_is_replaced_until_somebody_kills_whatever_there_is(tmp_path: Path) -> None:
    """Each end is told; when nobody follows any more, the journal says that nobody watches."""
    told: list[Ended] = []
    directory = tmp_path / "harness-left"
    async with watching(tmp_path / "undo.jsonl") as undo:
        undo.unasked = told.append
        undo.directory(directory)
        directory.mkdir()
        for number in range(REPLACED_MOST + 1):
            (pid,) = janitors(tmp_path)
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(60):
                while len(told) <= number:
                    await asyncio.sleep(0.01)
            assert bool(undo.unwatched) == (number == REPLACED_MOST)

    assert [one.replaced for one in told] == [True] * REPLACED_MOST + [False]
    assert {(one.part, one.how) for one in told} == {("janitor", "killed by signal 9 (SIGKILL)")}
    assert not directory.exists()


def janitors(place: Path) -> list[int]:
    """Those of this process that watch this place."""
    return [
        each.pid
        for each in proctable.table().values()
        if each.ppid == os.getpid()
        and each.alive
        and str(place) in Path(f"/proc/{each.pid}/cmdline").read_text()
    ]


async def test_a_janitor_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started without it."""
    monkeypatch.setattr("harness.services.cleanup.janitor_process.sys.executable", "/bin/false")
    with pytest.raises(ServiceError, match="janitor did not start"):
        async with watching(tmp_path / "undo.jsonl"):
            pytest.fail("the body must not run")


async def test_clean_leaves_a_run_alone_that_still_goes(tmp_path: Path) -> None:
    """`harness doctor --clean` beside a running test must not end it."""
    with UndoJournal(tmp_path / "undo.jsonl") as undo:
        undo.directory(tmp_path / "harness-x")
        (tmp_path / "harness-x").mkdir()
        (said,) = janitor.clean(undo.path)
    assert "still going" in said
    assert (tmp_path / "harness-x").exists()


async def test_a_process_that_took_over_a_pid_is_left_alone(tmp_path: Path, undo: UndoJournal) -> None:
    """The start time tells them apart, and so does the boot."""
    log = tmp_path / "part.log"
    async with process.running(["sleep", "600"], name="part", log=log) as child:
        with UndoJournal(tmp_path / "other.jsonl") as other:
            for change in ({"start_ticks": child.start_ticks - 1}, {"boot": "another"}):
                given = {"start_ticks": child.start_ticks, "boot": undo_boot(undo), **change}
                other.add("process", pid=child.pid, name="old", signal=9, **given)
        leftovers.undo_all(other.path)
        assert read_open(other.path) == []
        assert proctable.is_alive(child.pid, child.start_ticks)


def undo_boot(undo: UndoJournal) -> str:
    return undo.open()[0].data["boot"]


async def test_one_that_stands_in_a_removed_directory_is_ended(tmp_path: Path) -> None:
    """PostgreSQL's backends shed family and mark; they work in the data directory, and have no terminal."""
    place = tmp_path / "harness-place"
    place.mkdir()
    with UndoJournal(tmp_path / "undo.jsonl") as journal:
        journal.directory(place)
    stander = subprocess.Popen(["sleep", "600"], cwd=place, start_new_session=True)
    leftovers.undo_all(journal.path)
    assert stander.wait(60) == -signal.SIGKILL
    assert not place.exists()


async def test_a_killed_postgres_leaves_no_shared_memory(undo: UndoJournal, tmp_path: Path) -> None:
    """A limited number of segments would be used up by and by."""
    from harness.services.backends import postgres

    async with postgres.server(tmp_path) as server:
        pid = server.pid
        await server.process.kill()
        assert any(row.split()[4] == str(pid) for row in Path("/proc/sysvipc/shm").read_text().splitlines())
    assert not any(row.split()[4] == str(pid) for row in Path("/proc/sysvipc/shm").read_text().splitlines())


def test_a_segment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """All of key, id, maker and zero users must agree."""
    (tmp_path / "postmaster.pid").write_text("77\n/d\n1\n2\n\n127.0.0.1\n 4711 42\nready\n")
    table = tmp_path / "shm"
    for row in (
        "4711 42 600 56 78 1 0",
        "4711 42 600 56 77 1 3",
        "4711 43 600 56 77 1 0",
        "1 42 600 56 77 1 0",
    ):
        table.write_text(f"key shmid\n{row}\n")
        assert not sharedmemory.forget_segment(tmp_path, table)
    (tmp_path / "postmaster.pid").write_text("77\n")
    assert not sharedmemory.forget_segment(tmp_path, table)
