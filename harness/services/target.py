"""The managed target: the reference service, or a command of the user's, as a child on this machine.

It keeps its port for as long as it is managed: a restart (a deploy) is another process at the same address.
The database's URL travels in the environment, where other users of the machine cannot read its password.
"""

import shlex
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from harness.foundation.addresses import resolved
from harness.foundation.errors import ServiceError, TargetNotStartedError, UsageError
from harness.run_directory import private_files
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.processes import readiness, server_environment, usage
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.process import GIVES_WAY, SERVER, Child, running
from harness.services.processes.usage import Usage

HOST = "127.0.0.1"
READY_LINE = r"^harness target ready on (http://\S+)$"
TRIES = 5


@dataclass(frozen=True, slots=True)
class ManagedServer:
    """A server that was started for the run."""

    base_url: str
    mcp_url: str
    log: Path
    process: RestartableProcess = field(repr=False)

    @property
    def pid(self) -> int:
        """The pid of the process that serves now; a restart changes it."""
        return self.process.child.pid

    def usage(self) -> Usage:
        """Return what the server and its children have used since the last start.

        Zero while it does not run.
        """
        return usage.of_tree(self.process.pid)

    async def restart(self) -> None:
        """Restart it as a deploy does: stop it in good order, start it on the same port, wait until ready."""
        await self.process.restart()


@asynccontextmanager
async def managed(
    log_dir: Path,
    database_url: str,
    *,
    port: int = 0,
    host: str = HOST,
    arguments: Sequence[str] = (),
    env: Mapping[str, str] = MappingProxyType({}),
    name: str = "target",
) -> AsyncIterator[ManagedServer]:
    """Run the reference service on `port` (0: a free one) and the given database.

    `env` names other backends.
    """
    _check_free(port, host)
    log = log_dir / f"{name}.log"
    process, number = await _reference(log, {"DATABASE_URL": database_url, **env}, port, host, arguments)
    base_url = f"http://{f'[{host}]' if ':' in host else host}:{number}"
    async with process:
        yield ManagedServer(base_url, f"{base_url}/mcp", log, process)


async def _reference(
    log: Path, env: Mapping[str, str], port: int, host: str, arguments: Sequence[str]
) -> tuple[RestartableProcess, int]:
    """Start the service; return its process and port.

    If another program took a free port first, try another.
    """
    for tries_left in reversed(range(TRIES)):
        number = port or free_port(host)
        process = _process(log, env, ["--host", host, "--port", str(number), *arguments])
        try:
            await process.start()
            break
        except ServiceError:
            _check_free(port, host)
            if not tries_left or not is_taken(number, host):
                raise
    return process, number


def _process(log: Path, env: Mapping[str, str], arguments: Sequence[str]) -> RestartableProcess:
    name = log.stem  # target, target-2
    argv = [sys.executable, "-P", "-m", "harness.reference", *arguments]

    def starting() -> AbstractAsyncContextManager[Child]:
        ready = readiness.line(READY_LINE, log)
        return running(argv, name=name, log=log, ready=ready, env=env, nice=GIVES_WAY, part=name)

    return RestartableProcess(starting)


def _check_free(port: int, host: str) -> None:
    """Raise UsageError if the user asked for a port that is taken."""
    if port and is_taken(port, host):
        raise UsageError(
            f"Port {port} is taken",
            f"Another program listens on {host}:{port}",
            "Stop it, or give another port; 0 takes a free one",
        )


@asynccontextmanager
async def commanded(
    log_dir: Path,
    command: Sequence[str],
    ready_url: str,
    *,
    mcp_url: str | None = None,
    env: Mapping[str, str] | None = None,
    name: str = "target",
) -> AsyncIterator[ManagedServer]:
    """Run a server of the user's; it is ready when `ready_url` answers with any status below 500.

    Without `mcp_url` its MCP endpoint is `ready_url` if that says mcp, else /mcp of the same server.
    """
    where = urlsplit(ready_url)
    if where.scheme not in {"http", "https"} or not where.hostname:
        raise UsageError(
            f"It cannot be told when {shlex.join(command)} is ready",
            f"{ready_url!r} is not an HTTP address",
            "Give one that answers when the server is up: ready: http://127.0.0.1:8000/health",
        )
    port = where.port or (443 if where.scheme == "https" else 80)
    if any(is_taken(port, address) for address in await resolved.addresses(where.hostname)):
        raise UsageError(
            f"{ready_url} is taken before {shlex.join(command)} was started",
            f"Another program listens on port {port}; the run would measure that one",
            "Stop it, or give the command another port",
        )
    base_url = f"{where.scheme}://{where.netloc}"
    log, around = log_dir / f"{name}.log", server_environment.current()
    process = RestartableProcess(
        lambda: running(
            command,
            name=command[0],
            log=log,
            ready=readiness.url(ready_url),
            env={**(env or {}), **around.env},
            cwd=around.directory,
            nice=GIVES_WAY,
            part=SERVER,
            umask=private_files.THEIRS,
        )
    )
    try:
        await process.start()
    except ServiceError as error:
        raise error.said_as(TargetNotStartedError) from error
    async with process:
        door = ready_url if "mcp" in where.path.split("/") else f"{base_url}/mcp"
        yield ManagedServer(base_url, mcp_url or door, log, process)
