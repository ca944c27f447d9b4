"""Starts a run's server: the reference target with its services, the user's command, or nothing for a URL.

A server over stdio is started by its sessions: for it there is nothing to start here, either.

Links stand between the parts that are ours: if faults are planned on a link, the target gets the link's
address instead of the part behind it. A target of several processes has a balancer in front of it.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from urllib.parse import urlsplit

from harness.conduct.durability.tasks import TaskRecords
from harness.conduct.run_values import RunContext
from harness.conduct.setup import own_links, vetted_addresses
from harness.conduct.setup.fault_sites import FaultSites
from harness.foundation import environment
from harness.load.address import PLAIN_DOOR
from harness.mcp import stdio_address
from harness.scenario.catalogue import BALANCES
from harness.scenario.model import Target
from harness.scenario.several_processes import at_port, check_several
from harness.services import target
from harness.services.backends import postgres
from harness.services.balancer.control import balanced
from harness.services.balancer.routing import Balance
from harness.services.fault_sites.balanced import BalancedTarget, Place
from harness.services.processes import server_environment, usage
from harness.services.processes.ports import free_port
from harness.services.processes.server_environment import Surroundings
from harness.services.processes.usage import Usage, together

DOOR_OF = {"plain": PLAIN_DOOR, "websocket": "/mcp/ws"}


@dataclass(frozen=True, slots=True)
class Started:
    """The server's URL; its processes if they are ours."""

    url: str
    first: target.ManagedServer | None = (
        None  # its own address is asked what it is, where it is one of several
    )
    balanced: BalancedTarget | None = None  # where it runs as several
    records: TaskRecords | None = None  # of the reference target

    @property
    def usage(self) -> Callable[[], Usage] | None:
        """The usage of our processes, as a function; None if there are none."""
        if (balanced := self.balanced) is not None:
            return lambda: together([usage.of_tree(place.process.pid) for place in balanced.places])
        return None if self.first is None else self.first.usage


async def start(run: RunContext, sites: FaultSites, stack: AsyncExitStack) -> Started:
    """Start the server and wait until it is ready; it ends with the stack."""
    wanted = run.asked.scenario.target
    variables = await _lead_by_own_links(run, sites, stack) if run.asked.scenario.links else {}
    wanted = replace(wanted, env={**wanted.env, **variables})
    stack.enter_context(server_environment.in_force(Surroundings(wanted.env, wanted.cwd)))
    if wanted.is_stdio:
        return Started(stdio_address.address(wanted.command))
    if wanted.url and not wanted.command:
        return Started(wanted.url)
    records = None
    if wanted.command:
        serve = _of_a_command(run, wanted)
    else:
        serve, records = await _of_the_reference(run, sites, stack)
    count = run.asked.processes(run.plan)
    if count == 1:
        first = await stack.enter_async_context(serve("target"))
        return Started(first.mcp_url, first, records=records)
    if wanted.command:
        check_several(wanted, "This run")
    return await _several(run, serve, count, stack, records)


Serve = Callable[[str], AbstractAsyncContextManager[target.ManagedServer]]


async def _several(
    run: RunContext, serve: Serve, count: int, stack: AsyncExitStack, records: TaskRecords | None
) -> Started:
    """Start the server so many times, behind a balancer."""
    wanted = run.asked.scenario.target
    balancer = await stack.enter_async_context(balanced(run.directory.path, Balance(wanted.balance)))
    servers: list[target.ManagedServer] = []

    async def another(name: str) -> Place:
        server = await stack.enter_async_context(serve(name))
        servers.append(server)
        where = urlsplit(server.base_url)
        return Place(name, server.process, where.hostname or "", where.port or 80)

    several = BalancedTarget(balancer, another)
    for _ in range(count):
        await several.add()
    run.progress.note(f"{count} processes behind a balancer, {BALANCES[wanted.balance]}")
    first = servers[0]
    return Started(balancer.url + first.mcp_url.removeprefix(first.base_url), first, several, records)


def _of_a_command(run: RunContext, wanted: Target) -> Serve:
    """Return how a process of the user's server is started, under a name."""
    several = run.asked.processes(run.plan) > 1

    @asynccontextmanager
    async def serve(name: str) -> AsyncIterator[target.ManagedServer]:
        one = at_port(wanted, free_port(target.HOST)) if several else wanted
        ready = vetted_addresses.ready(one.ready or one.url or "").url
        theirs = target.commanded(run.directory.path, one.command, ready, mcp_url=one.url, name=name)
        async with AsyncExitStack() as lasting:
            with server_environment.in_force(Surroundings(one.env, one.cwd)):
                server = await lasting.enter_async_context(theirs)
            yield server

    return serve


async def _of_the_reference(
    run: RunContext, sites: FaultSites, stack: AsyncExitStack
) -> tuple[Serve, TaskRecords]:
    """Start what is behind the reference server; return how a process of it is started, and its records."""
    wanted, logs = run.asked.scenario.target, run.directory.path
    run.progress.note(f"Starting {_parts(sites)} and the reference server")
    database_url, process = await stack.enter_async_context(postgres.provided_or_embedded(logs))
    options = await vetted_addresses.by_number(wanted.options)
    records = _records(database_url, options)
    database_url, env = await sites.behind(database_url, process, logs)
    door = DOOR_OF.get(wanted.protocol, "/mcp")

    @asynccontextmanager
    async def serve(name: str) -> AsyncIterator[target.ManagedServer]:
        async with target.managed(logs, database_url, arguments=options, env=env, name=name) as server:
            yield replace(server, mcp_url=server.base_url + door)

    return serve, records


async def _lead_by_own_links(run: RunContext, sites: FaultSites, stack: AsyncExitStack) -> Mapping[str, str]:
    """Open the links, and hand their addresses to whatever is started from here on; return these variables."""
    environ = {**os.environ, **run.asked.scenario.target.env}
    asked = own_links.found(run.asked.scenario.links, environ)
    variables = await own_links.open_links(sites, asked)
    stack.enter_context(environment.handed_out(variables))
    for line in own_links.told(asked, sites):
        run.progress.note(line)
    return variables


def _records(database_url: str, options: Sequence[str]) -> TaskRecords:
    """Return the target's records, with its schema if an option names one."""
    schemas = [value for option, value in pairwise(options) if option == "--schema"]
    return TaskRecords(database_url, *schemas[-1:])


def _parts(sites: FaultSites) -> str:
    """Return the names of the services behind the reference server."""
    brokers = [name for link, name in (("queue", "RabbitMQ"), ("sessions", "Redis")) if link in sites.needed]
    return ", ".join(["PostgreSQL", *brokers])
