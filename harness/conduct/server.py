"""The server of a run: the reference target started for it, a command of the user's, or a URL; then asked who it is.

Whichever it is, a preflight comes first: the dialect is found, the server introduces itself, and the tools
that the users will call must be among those it has. Nothing is loaded before that.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness.client.preflight import Discovered, preflight
from harness.conduct.errands import Records
from harness.conduct.ledger import Door
from harness.conduct.suggestion import commands_that_work
from harness.conduct.ways import BROKERS, Ways
from harness.errors import UsageError
from harness.live.progress import Progress
from harness.load.address import PLAIN_DOOR, Doors, check_allowed, credentials, doors
from harness.record import redact
from harness.record.rundir import RunDirectory
from harness.record.undo import Journal
from harness.scenario.model import Scenario
from harness.services import postgres, target
from harness.services.usage import Usage, together

PREFLIGHT_S = 5.0
TOOLS_OF = {
    "light": ("list_databases", "list_views", "execute_query"),
    "heavy": ("execute_query",),
    "websocket": ("list_databases",),
}
DOOR_OF = {"plain": PLAIN_DOOR, "websocket": "/mcp/ws"}


@dataclass(slots=True)
class UsageMaxima:
    """The most a process used over a run; nothing for a server that is not ours to see."""

    now: Callable[[], Usage] | None = None
    cpu_max: float | None = None
    rss_max_mb: float | None = None
    last: Usage | None = None

    def read(self) -> Usage | None:
        """Called about once a second; None for a server that is not ours."""
        if self.now is None:
            return None
        usage = self.now()
        if self.last is not None and usage.at_s > self.last.at_s:
            cpu = (usage.cpu_s - self.last.cpu_s) / (usage.at_s - self.last.at_s)
            self.cpu_max = round(max(self.cpu_max or 0.0, cpu), 3)
        self.rss_max_mb = round(max(self.rss_max_mb or 0.0, usage.rss_bytes / 1e6), 1)
        self.last = usage
        return usage


@dataclass(slots=True)
class Server:
    """A server that answered the preflight."""

    doors: Doors
    loaded: Doors  # the same by way of the client link, when faults are planned on it
    protocol: str
    found: Discovered
    headers: dict[str, str]
    managed: bool
    usage: UsageMaxima
    records: Records | None = None  # of the reference target, when it is ours

    def door(self, *, through: bool) -> Door:
        """For calls that are not the load's: by way of the client link, or beside it."""
        doors = self.loaded if through else self.doors
        return Door(
            doors.ws_url if self.protocol == "websocket" else doors.mcp_url, self.protocol, self.headers
        )

    def facts(self) -> dict[str, Any]:
        """What metadata.json says of it."""
        named = self.found.server_name is not None
        return {
            "url": redact.url(self.doors.ws_url if self.protocol == "websocket" else self.doors.mcp_url),
            "transport": self.protocol if self.protocol in {"sse", "websocket"} else "http",
            "protocol": self.protocol,
            "server": {"name": self.found.server_name, "version": self.found.server_version}
            if named
            else None,
            "managed": self.managed,
            "cpu_max": self.usage.cpu_max,
            "rss_max_mb": self.usage.rss_max_mb,
        }


async def find_server(
    stack: AsyncExitStack,
    scenario: Scenario,
    directory: RunDirectory,
    undo: Journal,
    ways: Ways,
    progress: Progress,
) -> Server:
    """Start it if it is ours to start, then ask it who it is."""
    wanted = scenario.target
    usage = UsageMaxima()
    started: target.Target | None = None
    second: target.Target | None = None
    records: Records | None = None
    if wanted.command:
        ready = wanted.ready or wanted.url or ""
        started = await stack.enter_async_context(
            target.commanded(undo, directory.path, wanted.command, ready, mcp_url=wanted.url)
        )
        url, usage.now = started.mcp_url, started.usage
    elif wanted.url:
        url = wanted.url
    else:
        progress.note(f"Starting {_parts(ways)} and the reference server")
        database_url, seat = await stack.enter_async_context(
            postgres.provided_or_embedded(undo, directory.path)
        )
        records = _records(database_url, wanted.options)
        await ways.take("postgres", seat, database_url)
        database_url = await ways.lead("database", database_url)
        env = {
            name: url
            for link in BROKERS
            for name, url in (await ways.lead_to_broker(link, directory.path)).items()
        }
        started = await stack.enter_async_context(
            target.managed(undo, directory.path, database_url, arguments=wanted.options, env=env)
        )
        url, usage.now = started.base_url + DOOR_OF.get(wanted.protocol, "/mcp"), started.usage
        if ways.rolls:
            second = await stack.enter_async_context(
                target.managed(
                    undo, directory.path, database_url, arguments=wanted.options, env=env, name="target-2"
                )
            )
            usage.now = _of_both(started, second)
    places = doors(url, wanted.protocol)
    headers = credentials(url) | wanted.headers
    check_allowed(places.base_url, scenario.allowed_hosts)
    found = await preflight(
        places.ws_url if wanted.protocol == "websocket" else places.mcp_url,
        wanted.protocol,
        headers=headers,
        timeout_s=PREFLIGHT_S,
    )
    _check_tools(scenario, found, places)
    progress.note(f"Target: {_introduce(found)} at {redact.url(places.mcp_url)}, {found.protocol}")
    await ways.let_in(places.mcp_url, found.protocol, headers)
    loaded = await _by_link(places, ways)
    if started is not None:
        await ways.take("target", started.seat, started.base_url, second)
    await ways.take_named(places.base_url)
    return Server(
        places, loaded, found.protocol, found, headers, managed=not wanted.url, usage=usage, records=records
    )


def _records(database_url: str, options: Sequence[str]) -> Records:
    """In the schema that the target was told."""
    told = [value for option, value in pairwise(options) if option == "--schema"]
    return Records(database_url, *told[-1:])


def _of_both(first: target.Target, second: target.Target) -> Callable[[], Usage]:
    return lambda: together([first.usage(), second.usage()])


async def _by_link(places: Doors, ways: Ways) -> Doors:
    """The doors that the load uses: those of the client link, when faults are planned on it."""
    if "client" in ways.needed and places.base_url.startswith("https:"):
        raise UsageError(
            "A fault on the client link needs a target that speaks plain HTTP",
            "Through a proxy at another address its certificate would not be valid",
            "Test the port behind whatever ends TLS",
        )
    base_url = await ways.lead("client", places.base_url)
    websocket = base_url.replace("http", "ws", 1)
    return Doors(
        base_url,
        base_url + places.mcp_url.removeprefix(places.base_url),
        websocket + places.ws_url.removeprefix(places.base_url.replace("http", "ws", 1)),
    )


def _parts(ways: Ways) -> str:
    """What is started behind the reference server."""
    brokers = [said for link, said in (("queue", "RabbitMQ"), ("sessions", "Redis")) if link in ways.needed]
    return ", ".join(["PostgreSQL", *brokers])


def _introduce(found: Discovered) -> str:
    return (
        f"{found.server_name} {found.server_version or ''}".strip()
        if found.server_name
        else "a server without a name"
    )


def _check_tools(scenario: Scenario, found: Discovered, places: Doors) -> None:
    """Every tool that will be called must be there; a server that cannot list its tools is believed."""
    if found.tools is None:
        return
    if scenario.workload:
        needed = [call.call for call in scenario.workload if call.call is not None]
    else:
        needed = [tool for name, weight in scenario.mix.items() if weight for tool in TOOLS_OF[name]]
    there = {tool["name"]: tool for tool in found.tools}
    missing = sorted(set(needed) - set(there))
    if not missing:
        return
    if missing[0] in found.refused:
        raise UsageError(
            f"The tool {missing[0]} of the server at {redact.url(places.mcp_url)} must not be called",
            f"Its x-mcp-header breaks the rules of 2026-07-28: {found.refused[missing[0]]}",
            "Correct its inputSchema, or speak an older version: --protocol 2025-11-25",
        )
    why = f"It has {', '.join(sorted(there)[:12])}" if there else "It has no tools at all"
    raise UsageError(
        f"The server at {redact.url(places.mcp_url)} has no tool {missing[0]}",
        why,
        "\n".join(["Call one of its own tools:", *commands_that_work(there, places.mcp_url)])
        if there
        else "",
    )
