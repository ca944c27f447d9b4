"""Toxiproxy: the user's server if TOXIPROXY_URL names one, else one of our own for the run, as a child.

    async with provided_or_started(log_dir) as toxiproxy:
        await toxiproxy.api.create_proxy(...)

- A server of ours listens on 127.0.0.1 and a free port, and takes every proxy and toxic with it when it ends.
- A server of the user's may serve others: its version is read, and nothing on it is changed here.
- Toxiproxy does not end when it cannot listen on its port; another server may answer there. So it is checked
  that our child is the process that listens.

It knows nothing of links and faults. It yields the server with `api`, which talks to it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.foundation.addresses import resolved
from harness.foundation.errors import (
    FaultBackendUnreachableError,
    HarnessError,
    ServiceError,
    ToxiproxyPartError,
    UsageError,
)
from harness.services.processes import readiness
from harness.services.processes.ports import free_port, is_taken, listens
from harness.services.processes.process import GIVES_WAY, Child, running
from harness.services.processes.readiness import Ready
from harness.services.toxiproxy import install
from harness.services.toxiproxy.api import Api
from harness.services.toxiproxy.install import INSTALL_COMMAND, Binary

HOST, PORT = "127.0.0.1", 8474
TRIES, READY_S = 5, 10.0
FAILED = "Server finished with error"


@dataclass(frozen=True, slots=True)
class Toxiproxy:
    """A Toxiproxy server that has answered."""

    url: str
    version: str
    ours: bool  # started for this run, and gone after it
    api: Api = field(repr=False)
    child: Child | None = field(default=None, repr=False)  # None when it is not ours

    @property
    def gone(self) -> bool:
        """Whether it was our own and has ended, and with it all its proxies and toxics."""
        return self.child is not None and self.child.returncode is not None


@dataclass(frozen=True, slots=True)
class Status:
    """The Toxiproxy programs on this machine, and the server at `url`."""

    programs: tuple[Binary, ...]
    url: str
    named: bool  # by TOXIPROXY_URL; else it is where one would be found by default
    version: str = ""  # "" when it does not answer
    proxies: int = 0
    problem: str = ""

    @property
    def program(self) -> Binary | None:
        """Return the program that a run would start, or None."""
        return next((binary for binary in self.programs if not binary.problem), None)

    @property
    def usable(self) -> bool:
        """Whether a run could inject faults."""
        return not self.problem if self.named else self.program is not None


@asynccontextmanager
async def provided_or_started(log_dir: Path) -> AsyncIterator[Toxiproxy]:
    """Yield the user's server if TOXIPROXY_URL names one, else one of our own."""
    given = os.environ.get("TOXIPROXY_URL")
    if given:
        yield await provided(await resolved.by_number(given.rstrip("/")))
        return
    async with started(log_dir) as server:
        yield server


async def provided(url: str) -> Toxiproxy:
    """Return the user's server after it has answered; raise if it does not, or is too old."""
    api = Api(url.rstrip("/"))
    try:
        version = await api.version()
    except FaultBackendUnreachableError as error:
        raise FaultBackendUnreachableError(
            error.what,
            error.why,
            f"{error.todo}; without TOXIPROXY_URL the harness starts one of its own",
        ) from error
    if install.too_old(version):
        raise FaultBackendUnreachableError(
            f"Toxiproxy at {api.url} is too old",
            f"It is {version}; the harness needs {_oldest()} or newer",
            "Upgrade it; without TOXIPROXY_URL the harness starts one of its own",
        )
    return Toxiproxy(api.url, version, ours=False, api=api)


@asynccontextmanager
async def started(log_dir: Path, port: int = 0) -> AsyncIterator[Toxiproxy]:
    """Run our own server on `port` (0: a free one); its log is toxiproxy.log in `log_dir`."""
    if port and is_taken(port, HOST):
        raise UsageError(
            f"Port {port} is taken",
            f"Another program listens on {HOST}:{port}",
            "If it is a Toxiproxy, set TOXIPROXY_URL to use it; else give another port: 0 takes a free one",
        )
    binary = program()
    log = (log_dir / "toxiproxy.log").absolute()
    for attempt in range(1, TRIES + 1):
        number = port or free_port(HOST)
        ready = False
        try:
            async with _running(log, binary, number) as child:
                _check_ours(child, number)
                api = Api(f"http://{HOST}:{number}")
                version = await api.version()
                ready = True
                yield Toxiproxy(api.url, version, ours=True, api=api, child=child)
                return
        except ServiceError:
            # If another program took the port, choose another; never run the body twice.
            if ready or port or attempt == TRIES or not is_taken(number, HOST):
                raise


async def status(refused: str = "") -> Status:
    """Return what there is, without starting anything; `refused` says why the server must not be asked."""
    given = os.environ.get("TOXIPROXY_URL")
    url = (given or f"http://{HOST}:{PORT}").rstrip("/")
    programs = tuple(await asyncio.to_thread(install.candidates))
    version, proxies, problem = "", 0, ""
    if refused:
        return Status(programs, url, bool(given), problem=refused)
    try:
        server = await provided(await resolved.by_number(url))
        version, proxies = server.version, len(await server.api.proxies())
    except OSError as error:
        problem = str(error)
    except HarnessError as error:
        problem = f"{error.what}. {error.why}"
    return Status(programs, url, bool(given), version, proxies, problem)


def program() -> Binary:
    """Return the program to start; if there is none, the error says where it was looked for."""
    binaries = install.candidates()
    for binary in binaries:
        if not binary.problem:
            return binary
    unusable = "; ".join(f"{binary.path} cannot be used: {binary.problem}" for binary in binaries)
    raise FaultBackendUnreachableError(
        "There is no Toxiproxy",
        unusable or f"TOXIPROXY_URL is not set, {install.PROGRAM} is not on PATH, and none was installed",
        f"Run `{INSTALL_COMMAND}`",
    )


def _running(log: Path, binary: Binary, port: int) -> AbstractAsyncContextManager[Child]:
    argv = [str(binary.path), "-host", HOST, "-port", str(port)]
    return running(
        argv,
        name="toxiproxy",
        log=log,
        ready=_answering(f"http://{HOST}:{port}", log),
        ready_s=READY_S,
        nice=GIVES_WAY,
        part="toxiproxy",
        env={"LOG_LEVEL": "info"},  # at "panic" it would not say that it failed
    )


def _answering(url: str, log: Path) -> Ready:
    """Wait until it answers; raise if its log says that it could not listen."""
    offset = readiness.size(log)
    address = readiness.url(f"{url}/version")

    async def check() -> str | None:
        if failure := readiness.find_line(FAILED, log, offset):
            raise ServiceError("It could not listen", failure.string)
        return await address.check()

    return Ready(f"{url} to answer", check)


def _check_ours(child: Child, number: int) -> None:
    if not listens(child.pid, number):
        raise ToxiproxyPartError(
            "Toxiproxy could not listen",
            f"Another program answers on {HOST}:{number}",
            "Give another port; 0 takes a free one",
        )


def _oldest() -> str:
    return ".".join(map(str, install.OLDEST))
