"""Runs without room: refused before, ended in order while they go on, reported as far as there is room."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import COMMANDS
from harness.cli.main import run as command
from harness.conduct import disk_space
from harness.conduct.disk_space import Keeper
from harness.conduct.durability import entries
from harness.conduct.run_values import FinishedRun
from harness.foundation.clock import FakeClock, RunClock
from harness.foundation.errors import NoRoomError
from harness.history.adding import arrive
from harness.load.engine import Engine, Load, LoadSpec, Trouble
from harness.load.simulated import SimulatedServer, simulated
from harness.report.registry import FORMATS
from harness.run_directory.directory import RunDirectory
from harness.run_directory.disk_space import ADDRESS_LEAST, Free
from harness.run_directory.events import EventLog, read_events
from harness.scenario.model import REFERENCE_WORK
from harness.scenario.plan.build import build
from harness.scenario.plan.plan import Plan
from harness.scenario.read import scenario_of
from tests.conduct.test_run import conduct
from tests.run_directory.test_disk_space import files_up_to

pytestmark = pytest.mark.parts

HELD = {"name": "steady", "sustain": {"users": 5, "for": "60s"}}
MB = 1_000_000
PLENTY = Free(10**12, 10**6, None)


def plan() -> Plan:
    return build(scenario_of({"name": "n", "load": [HELD]}, "test"))


def looking(**places: Free) -> Callable[[Path], Free]:
    return lambda path: places.get(path.name, PLENTY)


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (Free(64_000, 100, None), "64.0 KB are free"),
        (Free(10**9, 10, None), "10 are free (df -i)"),
        (Free(10**9, None, 100_000), "none may be larger than 100.0 KB"),
    ],
)
def test_a_run_that_has_no_room_does_not_start(there: Free, why: str, tmp_path: Path) -> None:
    """Disk, files, the size of a file; where runs go, and where the reference target has its database."""
    with pytest.raises(NoRoomError) as raised:
        disk_space.check(plan(), tmp_path / "out", brings_database=False, look=looking(out=there))
    assert why in raised.value.why
    with pytest.raises(NoRoomError):
        disk_space.check(
            plan(),
            tmp_path / "out",
            brings_database=True,
            look=lambda path: PLENTY if path.name == "out" else there,
        )
    assert disk_space.check(plan(), tmp_path, brings_database=True, look=looking()) == []


def test_the_command_has_made_nothing_where_there_is_no_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, in three lines."""
    with files_up_to(100_000):
        words = ["sustain", "--users", "1", "--for", "1s", "--url", "http://127.0.0.1:1/mcp"]
        assert command([*words, "--out", str(tmp_path / "out")]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_likely_to_find_no_room_is_warned_of(tmp_path: Path) -> None:
    """It starts: nobody knows how many calls a closed load makes."""
    (text,) = disk_space.check(
        plan(), tmp_path / "out", brings_database=False, look=looking(out=Free(10 * MB, None, None))
    )

    assert text.endswith(
        "has 10.0 MB free, and the run may write 12.0 MB: the run ends early when the disk is full"
    )


def test_what_is_kept_for_the_end_grows_with_the_samples(tmp_path: Path) -> None:
    """Sealing takes a third of the spools; the report has its own; an event that could not be written ends the run too."""
    directory = RunDirectory(tmp_path)
    directory.spool.mkdir()
    (directory.spool / "worker-0.spool").write_bytes(bytes(9 * MB))
    with EventLog(directory.events) as log:
        Keeper(directory, log, lambda _: Free(8 * MB, 100, 20 * MB)).look()
        for there, why in (
            (Free(6 * MB, 100, None), "6.0 MB are free, and 7.0 MB are kept"),
            (Free(8 * MB, 5, None), "5 more files"),
            (Free(8 * MB, None, 10 * MB), "larger than 10.0 MB"),
        ):
            with pytest.raises(NoRoomError) as raised:
                Keeper(directory, log, lambda _, there=there: there).look()  # type: ignore[misc]
            assert why in raised.value.why
        log.lines.failed = OSError(errno.EDQUOT, "Disk quota exceeded")
        with pytest.raises(NoRoomError) as raised:
            Keeper(directory, log, lambda _: PLENTY).look()
        assert "quota" in raised.value.why


def at(seconds: float, clock: FakeClock, happens: Callable[[LoadSpec], None]) -> Engine:
    """A simulated engine during which something happens, once, when it is asked how it is."""

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        async with simulated(SimulatedServer(), clock)(spec) as load:

            class Happening:
                happened = False

                async def set_users(self, count: int, requests: int | None = None) -> int:
                    return await load.set_users(count, requests)

                async def set_arrivals(self, *given: Any, **more: Any) -> int:
                    return await load.set_arrivals(*given, **more)

                async def poll(self) -> list[Trouble]:
                    if not self.happened and clock.ns > seconds * 1e9:
                        self.happened = True
                        happens(spec)
                    return await load.poll()

                async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
                    await load.stop(drain_s, cancelled=cancelled)

                def facts(self) -> dict[str, Any]:
                    return load.facts()

            yield Happening()

    return engine


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount") is not None
    if (
        not mounted
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place], check=False).returncode
    ):
        pytest.skip("only root can mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, left: int) -> None:
    """All but so many bytes."""
    found = os.statvfs(place)
    with (place / "somebody-else").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - left)


async def on_a_disk_that_fills(disk: Path, left: int) -> FinishedRun:
    clock = FakeClock()
    return await conduct(disk, [HELD], SimulatedServer(), clock, at(15, clock, lambda _: fill(disk, left)))


async def test_a_run_ends_in_order_before_the_disk_is_full(disk: Path) -> None:
    """What is kept is enough for the whole report; the verdict says why, and passes nothing."""
    finished = await on_a_disk_that_fills(disk, 3 * MB)

    assert (finished.exit_code, finished.summary.verdict) == (3, "unknown")
    assert finished.summary.reasons[0].startswith("the run was ended early: There is no room left in")
    assert 14 < finished.summary.duration_s < 20
    assert finished.summary.generator.lost == 0
    assert finished.run_dir is not None
    assert (finished.run_dir / "report.html").exists()
    assert read_events(finished.run_dir / "events.jsonl")[-1].reason == "no_room"


async def test_a_disk_that_is_full_at_once_costs_the_files_and_not_the_summary(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be written any more: what was measured is read in memory, and by another command elsewhere."""
    finished = await on_a_disk_that_fills(disk, 0)

    assert (finished.exit_code, finished.summary.verdict) == (3, "unknown")
    assert finished.summary.totals.calls > 1000
    assert finished.run_dir is not None
    assert (finished.run_dir / "spool").is_dir()
    assert not (finished.run_dir / "samples.parquet").exists()
    assert list(finished.run_dir.rglob("*.partial")) == []

    assert command(["report", str(finished.run_dir), "--out", str(tmp_path / "there"), "--json"]) == 3
    assert capsys.readouterr().err == ""
    assert {"summary.json", "report.html"} <= {path.name for path in (tmp_path / "there").iterdir()}
    assert (finished.run_dir / "spool").is_dir()

    assert command(["report", str(finished.run_dir)]) == 3
    assert f"harness report {finished.run_dir} --out DIR" in capsys.readouterr().err


async def test_a_run_that_is_read_only_is_shown_and_its_exit_code_is_its_own(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That nothing is written there is told; with --out it goes elsewhere."""
    clock = FakeClock()
    finished = await conduct(disk, [{"sustain": {"users": 5, "for": "10s"}}], SimulatedServer(), clock)
    assert finished.exit_code == 0
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    assert command(["report", str(finished.run_dir)]) == 0
    told = capsys.readouterr()
    assert "throughput" in told.out
    assert "were not written" in told.err
    assert command(["report", str(finished.run_dir), "--out", str(tmp_path / "there")]) == 0
    assert (tmp_path / "there" / "report.html").exists()


async def test_a_run_directory_that_vanishes_ends_the_run_at_once(tmp_path: Path) -> None:
    """It is no bug, and says what happened; what was measured is read all the same, and nothing is written again."""
    clock = FakeClock()
    engine = at(15, clock, lambda spec: shutil.rmtree(Path(spec.spool_dir).parent))
    finished = await conduct(tmp_path, [HELD], SimulatedServer(), clock, engine)

    assert (finished.exit_code, finished.summary.verdict) == (3, "unknown")
    (why, *_) = finished.summary.reasons
    assert why.startswith(f"the run was ended early: {finished.run_dir} is gone")
    assert finished.summary.run_dir == str(finished.run_dir)
    assert finished.summary.totals.calls > 500
    assert clock.ns < 20e9
    assert finished.run_dir is not None
    assert not finished.run_dir.exists()
    assert finished.reading is not None
    assert "Report           not written" in FORMATS["terminal"](finished.reading)
    assert "no summary.json" in arrive(finished.run_dir)


async def test_a_run_directory_that_was_renamed_is_read_all_the_same(tmp_path: Path) -> None:
    """It stays where it was put."""
    clock = FakeClock()
    engine = at(15, clock, lambda spec: Path(spec.spool_dir).parent.rename(tmp_path / "moved"))
    finished = await conduct(tmp_path, [HELD], SimulatedServer(), clock, engine)

    assert finished.exit_code == 3
    assert finished.summary.totals.calls > 500
    assert {path.name for path in (tmp_path / "moved").iterdir()} >= {"events.jsonl", "spool"}


async def test_memory_that_is_used_up_is_no_bug(tmp_path: Path) -> None:
    """In the load, and in the report: what was measured can be read later."""
    clock = FakeClock()

    def no_memory(_: object) -> None:
        raise MemoryError

    finished = await conduct(tmp_path, [HELD], SimulatedServer(), clock, at(15, clock, no_memory))

    assert (finished.exit_code, finished.summary.verdict) == (3, "unknown")
    (why, *_) = finished.summary.reasons
    assert why == "the run was ended early: The harness has no room to work (there is not enough memory)"


async def test_a_worker_that_cannot_write_ends_the_run_for_want_of_room(tmp_path: Path) -> None:
    """Its own words, and what to do; the run is unknown."""
    clock = FakeClock()

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        async with at(1e9, clock, lambda _: None)(spec) as load:
            polled = load.poll

            async def poll() -> list[Trouble]:
                await polled()
                late = clock.ns > 15e9
                return [Trouble("worker-0", "No space left on device", 0, unwritten=True)] if late else []

            load.poll = poll  # type: ignore[method-assign]
            yield load

    finished = await conduct(tmp_path, [HELD], SimulatedServer(), clock, engine)

    assert (finished.exit_code, finished.summary.verdict) == (3, "unknown")
    assert any("A load worker cannot write what it measures" in why for why in finished.summary.reasons)


def test_a_promise_that_cannot_be_written_down_is_told_when_promises_are_counted(tmp_path: Path) -> None:
    """Not while the load goes on: nothing trips over it."""
    clock = FakeClock()
    with entries.opened(tmp_path / "work.jsonl", REFERENCE_WORK, "run-1", RunClock.of(clock)) as written:
        written.check()
        with files_up_to(1):
            written.say(entry="run-1-00000001")
        with pytest.raises(OSError, match="too large"):
            written.check()


def test_too_little_memory_to_load_what_calculates_is_said_at_once() -> None:
    """With so little its libraries wait for more without end."""
    limited = 'ulimit -v 400000; exec "$0" -m harness sustain --users 1 --for 1s'
    run = subprocess.run(
        ["sh", "-c", limited, sys.executable], capture_output=True, text=True, timeout=200, check=False
    )
    assert run.returncode == 3
    assert "It may use 390 MB of memory (ulimit -v), and needs at least 768 MB" in run.stderr
    assert "Traceback" not in run.stderr


def test_as_much_memory_as_is_asked_for_is_enough_to_import_all_that_calculates() -> None:
    """One process, with the least that is allowed. It shows nothing of a whole run, whose libraries start threads as well."""
    program = (
        "from harness.foundation import environment\n"
        "environment.begin()\n"
        "import harness.conduct.run, harness.conduct.playing, harness.conduct.closing, matplotlib.figure, scipy.optimize, scipy.special, scipy.stats\n"
        "print(scipy.stats.betabinom.sf(0, 1, 1, 1))"
    )
    limited = f'ulimit -v {ADDRESS_LEAST >> 10}; exec "$0" -c "$1"'
    done = subprocess.run(
        ["sh", "-c", limited, sys.executable, program],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("0.5", "")


LEAST = "-v 60000"
LIMITS = ["-v 400000", "-v 450000", "-v 600000", "-d 20000", "-d 150000"]


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        *((name, LEAST) for name in ("--version", "--help", *COMMANDS)),
        *((name, limit) for name in ("--version", "sustain") for limit in LIMITS),
    ],
)
def test_every_command_ends_with_an_answer_however_little_memory_there_is(name: str, limit: str) -> None:
    """In the time that its help takes; what loads nothing large has no need of more."""
    words = [name] if name.startswith("--") else [name, "--help"]
    limited = f'ulimit {limit}; exec "$0" -m harness "$@"'
    run = subprocess.run(
        ["sh", "-c", limited, sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    if name.startswith("--"):
        assert (run.returncode, run.stderr) == (0, "")
    else:
        assert run.returncode == 3
        assert f"of memory (ulimit {limit.split(maxsplit=1)[0]}), and needs at least " in run.stderr
        assert len(run.stderr.splitlines()) == 3


@pytest.mark.parametrize("limit", ["-v 1200000", "-d 600000"])
def test_a_run_that_has_too_little_memory_is_not_begun(limit: str, tmp_path: Path) -> None:
    """It would end in mid-load, or its report could not be drawn."""
    limited = f'ulimit {limit}; exec "$0" -m harness sustain --users 1 --for 1s --out "$1"'
    run = subprocess.run(
        ["sh", "-c", limited, sys.executable, tmp_path],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 3
    assert "MB for a run" in run.stderr
    assert list(tmp_path.iterdir()) == []
