"""The server whose sessions are counted: one that runs (a URL), or the reference server, which is started for it.

    async with standing(asked, directory) as door:
        async with door.session() as client: ...

Every address is vetted before anything connects. What a server holds can be read where its process is known: it was started
here, the user names it (--pid, --cgroup), or it listens on this machine and belongs to the same user.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.client.preflight import Discovered, check_headers, preflight
from harness.client.session import Client, connected
from harness.conduct.capacity import holdings, listeners
from harness.conduct.capacity.holdings import ControlGroup, ProcessTree
from harness.conduct.setup.authorization import authorized
from harness.conduct.setup.vetted_addresses import looked_up, server
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock
from harness.load.address import credentials, doors
from harness.mcp.mirrored import Mirrored
from harness.scenario.model import Target
from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """Which server, and where it can be looked at."""

    target: Target
    timeout_s: float
    allowed_hosts: tuple[str, ...] = ()
    pid: int | None = None
    cgroup: Path | None = None
    options: tuple[str, ...] = ()  # of the reference server


@dataclass(frozen=True, slots=True)
class Door:
    """How to open sessions with it, and how to see what it holds (None: nobody can)."""

    url: str
    found: Discovered
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float
    held_by: ProcessTree | ControlGroup | None
    managed: bool
    restart: Callable[[], Awaitable[None]] | None = field(
        default=None, repr=False
    )  # where the process is ours

    def session(self, *, close: bool = True, listen: bool = False) -> AbstractAsyncContextManager[Client]:
        """Open a session; without `close` the server is never told that it is over."""
        mirrored: Mapping[str, Mirrored] = self.found.mirrored
        return connected(
            self.url,
            self.found.protocol,
            headers=self.headers,
            timeout_s=self.timeout_s,
            mirrored=mirrored,
            listen=listen,
            close=close,
        )


@asynccontextmanager
async def standing(
    asked: ServerRequest, directory: Path, clock: Clock, note: Callable[[str], None]
) -> AsyncIterator[Door]:
    """The server, after a preflight."""
    held_by: ProcessTree | ControlGroup | None
    wished, restart = asked.target, None
    async with AsyncExitStack() as stack:
        if wished.url is None:
            await stack.enter_async_context(watching(directory / "undo.jsonl"))
            database_url = await stack.enter_async_context(postgres.embedded(directory))
            ours = await stack.enter_async_context(
                target.managed(directory, database_url, arguments=asked.options)
            )
            url, held_by, restart = ours.mcp_url, holdings.process(ours.pid), ours.restart
            headers = dict(wished.headers)
        else:
            url = doors(wished.url, wished.protocol).mcp_url
            headers = credentials(wished.url) | wished.headers
            check_headers(headers)
            addresses = server(wished.url, wished.protocol, os.environ, "This goes")
            stack.enter_context(resolved.in_force(await looked_up(addresses, asked.allowed_hosts)))
            await authorized(stack, wished, url, headers, list(asked.allowed_hosts), clock, note)
            held_by = _held_by(asked, url)
        discovered = await preflight(url, wished.protocol, headers=headers, timeout_s=asked.timeout_s)
        yield Door(url, discovered, headers, asked.timeout_s, held_by, wished.url is None, restart)


def _held_by(asked: ServerRequest, url: str) -> ProcessTree | ControlGroup | None:
    if asked.cgroup is not None:
        return holdings.control_group(asked.cgroup)
    if asked.pid is not None:
        return holdings.process(asked.pid)
    return listeners.process_at(url)
