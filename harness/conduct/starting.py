"""What a run starts: the reference target and the services behind it, a command of the user's, or nothing at a URL.

Faults stand between the parts that are ours: the target is told the address of the link, where faults are planned on it,
and never learns of the part behind. A deploy without a gap needs the target twice.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise

from harness.conduct import outgoing
from harness.conduct.asked import Run
from harness.conduct.errands import Records
from harness.conduct.ways import Ways
from harness.load.address import PLAIN_DOOR
from harness.services import postgres, target
from harness.services.usage import Usage, together

DOOR_OF = {"plain": PLAIN_DOOR, "websocket": "/mcp/ws"}


@dataclass(frozen=True, slots=True)
class Started:
    """Where the server is; the processes only when they are ours."""

    url: str
    first: target.Target | None = None
    second: target.Target | None = None
    records: Records | None = None  # of the reference target

    @property
    def usage(self) -> Callable[[], Usage] | None:
        """What our processes use."""
        there = [one.usage for one in (self.first, self.second) if one is not None]
        return (lambda: together([usage() for usage in there])) if there else None


async def start(run: Run, ways: Ways, stack: AsyncExitStack) -> Started:
    """Ready when this returns, and ended with the stack."""
    wanted, logs = run.asked.scenario.target, run.directory.path
    if wanted.command:
        ready = outgoing.ready(wanted.ready or wanted.url or "").url
        theirs = target.commanded(logs, wanted.command, ready, mcp_url=wanted.url)
        first = await stack.enter_async_context(theirs)
        return Started(first.mcp_url, first)
    if wanted.url:
        return Started(wanted.url)
    run.progress.note(f"Starting {_parts(ways)} and the reference server")
    own = postgres.provided_or_embedded(logs)
    database_url, seat = await stack.enter_async_context(own)
    options = await outgoing.by_number(wanted.options)
    records = _records(database_url, options)
    database_url, env = await ways.behind(database_url, seat, logs)

    async def reference(name: str) -> target.Target:
        one = target.managed(logs, database_url, arguments=options, env=env, name=name)
        return await stack.enter_async_context(one)

    first = await reference("target")
    second = await reference("target-2") if ways.rolls else None
    return Started(first.base_url + DOOR_OF.get(wanted.protocol, "/mcp"), first, second, records)


def _records(database_url: str, options: Sequence[str]) -> Records:
    """In the schema that the target was told."""
    told = [value for option, value in pairwise(options) if option == "--schema"]
    return Records(database_url, *told[-1:])


def _parts(ways: Ways) -> str:
    """What is started behind the reference server."""
    brokers = [said for link, said in (("queue", "RabbitMQ"), ("sessions", "Redis")) if link in ways.needed]
    return ", ".join(["PostgreSQL", *brokers])
