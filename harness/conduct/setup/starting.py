"""Starts a run's server: the reference target with its services, the user's command, or nothing for a URL.

A server over stdio is started by its sessions: for it there is nothing to start here, either.

Links stand between the parts that are ours: if faults are planned on a link, the target gets the link's
address instead of the part behind it. A rolling restart needs the target twice.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise

from harness.conduct.durability.tasks import TaskRecords
from harness.conduct.run_values import RunContext
from harness.conduct.setup import own_links, vetted_addresses
from harness.conduct.setup.fault_sites import FaultSites
from harness.foundation import environment
from harness.load.address import PLAIN_DOOR
from harness.mcp import stdio_address
from harness.services import target
from harness.services.backends import postgres
from harness.services.processes import server_environment
from harness.services.processes.server_environment import Surroundings
from harness.services.processes.usage import Usage, together

DOOR_OF = {"plain": PLAIN_DOOR, "websocket": "/mcp/ws"}


@dataclass(frozen=True, slots=True)
class Started:
    """The server's URL; its processes if they are ours."""

    url: str
    first: target.ManagedServer | None = None
    second: target.ManagedServer | None = None
    records: TaskRecords | None = None  # of the reference target

    @property
    def usage(self) -> Callable[[], Usage] | None:
        """The usage of our processes, as a function; None if there are none."""
        there = [one.usage for one in (self.first, self.second) if one is not None]
        return (lambda: together([usage() for usage in there])) if there else None


async def start(run: RunContext, sites: FaultSites, stack: AsyncExitStack) -> Started:
    """Start the server and wait until it is ready; it ends with the stack."""
    wanted, logs = run.asked.scenario.target, run.directory.path
    variables = await _lead_by_own_links(run, sites, stack) if run.asked.scenario.links else {}
    stack.enter_context(server_environment.in_force(Surroundings({**wanted.env, **variables}, wanted.cwd)))
    if wanted.is_stdio:
        return Started(stdio_address.address(wanted.command))
    if wanted.command:
        ready = vetted_addresses.ready(wanted.ready or wanted.url or "").url
        theirs = target.commanded(logs, wanted.command, ready, mcp_url=wanted.url)
        first = await stack.enter_async_context(theirs)
        return Started(first.mcp_url, first)
    if wanted.url:
        return Started(wanted.url)
    run.progress.note(f"Starting {_parts(sites)} and the reference server")
    own = postgres.provided_or_embedded(logs)
    database_url, process = await stack.enter_async_context(own)
    options = await vetted_addresses.by_number(wanted.options)
    records = _records(database_url, options)
    database_url, env = await sites.behind(database_url, process, logs)

    async def reference(name: str) -> target.ManagedServer:
        one = target.managed(logs, database_url, arguments=options, env=env, name=name)
        return await stack.enter_async_context(one)

    first = await reference("target")
    second = await reference("target-2") if sites.rolls else None
    return Started(first.base_url + DOOR_OF.get(wanted.protocol, "/mcp"), first, second, records)


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
