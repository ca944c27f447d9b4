"""The fault sites of a run: links lead through proxies from before the load to its end; processes do not.

They are found in two steps, and `found` holds them after both:
    own links  before the server of the user is started (`own_links`)
    behind     before the target is started: its PostgreSQL, and its brokers, which are started only when
    faults are
               planned on their links
    in_front   when the target runs and has answered: its address, the client link, its processes
"""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit

from harness.faults import canary
from harness.faults.canary.evidence import Ask, Canary
from harness.faults.injector import FaultSite
from harness.foundation.addresses import resolved
from harness.foundation.clock import Clock
from harness.foundation.errors import FaultBackendUnreachableError, UsageError
from harness.foundation.secrets import redact
from harness.load.address import Doors
from harness.mcp import stdio_address
from harness.run_directory.directory import RunDirectory
from harness.scenario.catalogue import PID, PROXIED_LINKS, where
from harness.services.backends import rabbitmq, redis
from harness.services.fault_sites import links
from harness.services.fault_sites import named_process as foreign
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.fault_sites.links import Link
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.fault_sites.server_site import ServerSite
from harness.services.fault_sites.session_processes import SessionProcesses
from harness.services.target import ManagedServer
from harness.services.toxiproxy import server as toxiproxy
from harness.services.toxiproxy.server import Toxiproxy

ANSWER_S = 10.0
# The service behind a link of the reference target, and the scheme of its URL.
BROKERS: Final[dict[str, ModuleType]] = {"queue": rabbitmq, "sessions": redis}
SCHEMES: Final = {"queue": "amqp", "sessions": "redis"}


@dataclass(slots=True)
class FaultSites:
    """The fault sites of one run, opened as their parts become known."""

    stack: AsyncExitStack
    needed: frozenset[str]
    server: Toxiproxy | None
    run_id: str
    clock: Clock
    foreign: tuple[NamedProcess, ...] = ()  # processes that the user has named
    found: dict[str, FaultSite] = field(default_factory=dict)

    async def behind(
        self, database_url: str, process: RestartableProcess | None, log_dir: Path
    ) -> tuple[str, dict[str, str]]:
        """Open the sites behind a reference target.

        Return its database's URL, and further environment variables.
        """
        await self._take("postgres", process, database_url, database_url)
        database_url = await self._lead("database", database_url)
        variables: dict[str, str] = {}
        for name in BROKERS:
            variables |= await self.lead_to_broker(name, log_dir)
        return database_url, variables

    async def in_front(
        self,
        doors: Doors,
        protocol: str,
        headers: Mapping[str, str],
        first: ManagedServer | None = None,
        balanced: BalancedTarget | None = None,
    ) -> Doors:
        """Open the sites of any target; return the endpoints for the load.

        Processes are sites only if they are ours.
        """
        if stdio_address.command(doors.mcp_url):
            await self._take_sessions()
            return doors
        await self.let_in(doors.mcp_url, protocol, headers)
        link = await self._client_link(doors)
        if first is not None:
            await self._take("target", first.process, doors.base_url, doors.base_url, balanced)
        await self._take_named(doors.base_url)
        return doors if link is None else _by_link(doors, link)

    async def _link(self, name: str, url: str) -> Link | None:
        """Open the link of that name; None when no fault is planned on it."""
        if name not in self.needed or self.server is None:
            return None
        link = await self.stack.enter_async_context(links.opened(self.server, self.run_id, name, url))
        canaries = await self.stack.enter_async_context(canary.opened(link.through(url), url, self.clock))
        self.found[name] = FaultSite(link, canaries)
        return link

    async def _lead(self, name: str, url: str) -> str:
        """Return the URL by way of that link, if there is one."""
        link = await self._link(name, url)
        return url if link is None else link.through(url)

    async def _client_link(self, doors: Doors) -> Link | None:
        if "client" in self.needed and doors.base_url.startswith("https:"):
            raise UsageError(
                "A fault on the client link needs a target that speaks plain HTTP",
                "Its TLS certificate would not be valid at the address of a proxy",
                "Test the plain HTTP port behind whatever terminates TLS",
            )
        return await self._link("client", doors.base_url)

    async def lead_to_broker(self, name: str, log_dir: Path) -> dict[str, str]:
        """Return the target's environment for a broker: the link's address if faults are planned.

        {} without a broker.
        """
        broker = BROKERS[name]
        url = os.environ.get(broker.VARIABLE, "")
        if name not in self.needed:
            return {broker.VARIABLE: await resolved.by_number(url)} if url else {}
        if not url:
            url = await self.stack.enter_async_context(broker.own(log_dir))
        await self._check_broker(name, broker.VARIABLE, url)
        return {broker.VARIABLE: await self._lead(name, await resolved.by_number(url))}

    async def _check_broker(self, name: str, variable: str, url: str) -> None:
        """Raise unless the broker speaks without TLS and answers."""
        if not _speaks_plainly(url, SCHEMES[name]):
            raise UsageError(
                f"A fault on {where(name)} cannot be made with the server in {variable}",
                f"It is not {SCHEMES[name]}://HOST:PORT; a TLS certificate would not be valid at the address of a proxy",
                f"Name one that speaks without TLS, or unset {variable}: the harness starts one of its own",
            )
        async with canary.opened(url, url, self.clock) as canaries:
            (pair,) = await canaries.pairs(1, Ask(limit_s=ANSWER_S))
        if pair.beside.end != "replied":
            raise FaultBackendUnreachableError(
                f"The server in {variable} does not answer: {redact.url(url)}",
                f"Its connection was {pair.beside.end}; a fault on {where(name)} needs it",
                f"Start it, or unset {variable}: the harness starts one of its own",
            )

    async def _take_sessions(self) -> None:
        """Add the processes of the sessions; nobody but their users can ask them anything."""

        async def silent(ask: Ask) -> Canary:
            return Canary("silent", ask.limit_s * 1000)

        canaries = canary.LinkCanaries(silent, silent, self.clock)
        for name in self.needed - self.found.keys():  # without links of the user's own
            place = SessionProcesses("the processes of the sessions")
            self.found[name] = FaultSite(place, canaries)

    async def _take_named(self, url: str) -> None:
        """Add the processes named by pid; their canaries go to the target."""
        for each in self.foreign:
            canaries = await self.stack.enter_async_context(canary.opened(url, url, self.clock))
            self.found[f"{PID}{each.pid}"] = FaultSite(each, canaries)

    async def let_in(self, url: str, protocol: str, headers: Mapping[str, str]) -> None:
        """Add the server's address, as the site for rude clients."""
        if "door" not in self.needed:
            return
        if not url.startswith("http://") or protocol in {"sse", "websocket"}:
            raise UsageError(
                "Rude clients cannot connect",
                f"They speak HTTP without TLS, Streamable HTTP or plain JSON-RPC; this run speaks {protocol} to {url}",
                "Leave the fault out, or run it with another --protocol, behind whatever terminates TLS",
            )
        canaries = await self.stack.enter_async_context(canary.opened(url, url, self.clock))
        self.found["door"] = FaultSite(ServerSite(url, protocol, headers), canaries)

    async def _take(
        self,
        name: str,
        process: RestartableProcess | None,
        through: str,
        url: str,
        balanced: BalancedTarget | None = None,
    ) -> None:
        """Add our processes, if faults are planned on them; a server of the user's may not be stopped."""
        if name not in self.needed:
            return
        if process is None:
            raise UsageError(
                f"A fault on {where(name)} needs a server that the harness has started",
                "DATABASE_URL names one of yours",
                "Unset DATABASE_URL, or disturb the database link: link: database, fault: down",
            )
        canaries = await self.stack.enter_async_context(canary.opened(through, url, self.clock))
        self.found[name] = FaultSite(OwnProcess(where(name), process, balanced), canaries)


def _by_link(doors: Doors, link: Link) -> Doors:
    """Return the endpoints by way of the link."""
    base_url = link.through(doors.base_url)
    return Doors(
        base_url,
        base_url + doors.mcp_url.removeprefix(doors.base_url),
        base_url.replace("http", "ws", 1)
        + doors.ws_url.removeprefix(doors.base_url.replace("http", "ws", 1)),
    )


def _named(needed: frozenset[str]) -> tuple[NamedProcess, ...]:
    """Find the processes that faults name by pid now, since a pid may be reused later."""
    return tuple(
        foreign.found(int(name.removeprefix(PID))) for name in sorted(needed) if name.startswith(PID)
    )


def _speaks_plainly(url: str, scheme: str) -> bool:
    """Whether the URL has this scheme, without TLS, a host and a valid port."""
    try:
        parts = urlsplit(url)
        return parts.scheme == scheme and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


async def prepare(
    stack: AsyncExitStack,
    needed: frozenset[str],
    directory: RunDirectory,
    clock: Clock,
    *,
    own: bool = False,
) -> FaultSites:
    """Find or start a Toxiproxy if a fault is planned on a link, or if there are links of the user's own.

    Without one the run ends here, before any load.
    """
    named = _named(needed)
    for link, broker in BROKERS.items():
        if link in needed and not os.environ.get(broker.VARIABLE):
            broker.program()  # raise before anything is started if it is not installed
    server = (
        await stack.enter_async_context(toxiproxy.provided_or_started(directory.path))
        if own or needed & set(PROXIED_LINKS)
        else None
    )
    return FaultSites(stack, needed, server, directory.run_id, clock, named)
