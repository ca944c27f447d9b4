"""The server of a run: started if that is ours to do, then checked by a preflight.

The preflight finds the dialect and the server's name, and checks that it has the tools that the users will
call. There is no load before that.
"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import UNSET

from harness.client.preflight import Discovered, check_headers, preflight
from harness.conduct.durability.entries import EntryRequest
from harness.conduct.durability.tasks import TaskRecords
from harness.conduct.run_values import RunContext
from harness.conduct.setup import feeding
from harness.conduct.setup.authorization import Authorization, authorized
from harness.conduct.setup.fault_sites import FaultSites
from harness.conduct.setup.starting import Started, start
from harness.foundation.errors import UsageError
from harness.foundation.secrets import redact
from harness.load.address import Doors, credentials, doors
from harness.mcp import stdio_address
from harness.mcp.tool import only_reads
from harness.mcp.versions import OFFERS_HTTP3
from harness.run_directory.metadata import NamedServer, TargetFacts
from harness.run_directory.results import Relayed, RelayedProcess
from harness.scenario.catalogue import USER_CLASSES
from harness.scenario.clients import check_against
from harness.scenario.data_names import calls_of
from harness.scenario.matrix import MIX
from harness.scenario.model import DEFAULT_MIX, Scenario
from harness.services.balancer.orders import Status
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.processes.session_processes import SessionMeter
from harness.services.processes.usage import Usage

PREFLIGHT_S = 5.0
START_S = 90.0  # for a server over stdio: npx and uvx may have to download it first


@dataclass(slots=True)
class UsageMaxima:
    """The maxima of a server's resource usage over a run; None for a server that is not ours."""

    now: Callable[[], Usage] | None = None
    cpu_max: float | None = None
    rss_max_mb: float | None = None
    last: Usage | None = None
    first: Usage | None = None
    replaced: bool = False  # its processes were: what the earlier ones used at the end is not known

    @property
    def cpu_s(self) -> float | None:
        """The processor time between the first reading and the last; None where there are no two, or other processes."""
        if self.replaced or self.first is None or self.last is None or self.last is self.first:
            return None
        return round(self.last.cpu_s - self.first.cpu_s, 3)

    def read(self) -> Usage | None:
        """Read the usage, about once a second; return it, or None for a server that is not ours."""
        if self.now is None:
            return None
        usage = self.now()
        if self.last is not None and usage.at_s > self.last.at_s:
            cpu = (usage.cpu_s - self.last.cpu_s) / (usage.at_s - self.last.at_s)
            self.cpu_max = round(max(self.cpu_max or 0.0, cpu), 3)
        self.replaced |= self.last is not None and usage.cpu_s < self.last.cpu_s
        self.rss_max_mb = round(max(self.rss_max_mb or 0.0, usage.rss_bytes / 1e6), 1)
        self.first = self.first or usage
        self.last = usage
        return usage


@dataclass(slots=True)
class ServerUnderTest:
    """A server that answered the preflight."""

    doors: Doors
    loaded: Doors  # by way of the client link, when faults are planned on it
    protocol: str
    discovered: Discovered
    authorization: Authorization
    managed: bool
    usage: UsageMaxima
    records: TaskRecords | None = None  # of the reference target, when it is ours
    meter: SessionMeter | None = None  # where sessions are processes
    balanced: BalancedTarget | None = None  # the processes, where they are several
    relayed: Status | None = None  # what the balancer said at the end

    async def look_at_processes(self) -> None:
        """Ask the balancer what it has done, while it is there."""
        if self.balanced is not None:
            self.relayed = await self.balanced.status()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of all requests, as they are now: a token among them is renewed in place."""
        return self.authorization.headers

    def door(self, *, through: bool) -> EntryRequest:
        """Return how to reach it for calls beside the load: by way of the client link, or directly."""
        doors = self.loaded if through else self.doors
        return EntryRequest(
            doors.ws_url if self.protocol == "websocket" else doors.mcp_url,
            self.protocol,
            self.headers,
            self.discovered.mirrored,
        )

    @property
    def transport(self) -> str:
        if stdio_address.command(self.doors.mcp_url):
            return stdio_address.STDIO
        return self.protocol if self.protocol in {"sse", "websocket"} else "http"

    def facts(self) -> TargetFacts:
        """Return the server's facts for metadata.json."""
        discovered, route, keeper = self.discovered, self.authorization.route, self.authorization.keeper
        named = discovered.server_name is not None
        return TargetFacts(
            url=redact.url(self.doors.ws_url if self.protocol == "websocket" else self.doors.mcp_url),
            transport=self.transport,
            protocol=self.protocol,
            server=NamedServer(name=discovered.server_name, version=discovered.server_version)
            if named
            else None,
            managed=self.managed,
            auth=UNSET if keeper is None else keeper.facts(),
            insecure=True if route.tls.insecure else UNSET,
            proxy=UNSET if route.proxy is None else route.proxy.origin,
            cpu_max=self.usage.cpu_max,
            cpu_s=self.usage.cpu_s,
            rss_max_mb=self.usage.rss_max_mb,
            processes=UNSET if self.meter is None else self.meter.facts(),
            relayed=UNSET if self.relayed is None else relayed(self.relayed),
        )


def relayed(status: Status) -> Relayed:
    """Return what the balancer has counted, for metadata.json and the summary."""
    return Relayed(
        balance=status.balance,
        processes=tuple(
            RelayedProcess(name=each.name, requests=each.requests, sessions=each.sessions)
            for each in status.members
        ),
        lost_elsewhere=status.elsewhere,
        lost_replaced=status.replaced,
        lost_forgotten=status.forgotten,
        refused=status.refused,
        cut=status.cut,
    )


async def find_server(run: RunContext, ways: FaultSites, stack: AsyncExitStack) -> ServerUnderTest:
    """Start the server if that is ours to do, and make the preflight; return it."""
    scenario, progress = run.asked.scenario, run.progress
    wanted = scenario.target
    started = await start(run, ways, stack)
    if wanted.is_stdio:
        progress.note(f"Starting {redact.url(started.url)} once, to ask what it is")
    places = doors(started.url, wanted.protocol)
    url = places.ws_url if wanted.protocol == "websocket" else places.mcp_url
    headers = credentials(started.url) | feeding.headers_to_ask(scenario)
    check_headers(headers)
    authorization = await authorized(
        stack, wanted, url, headers, scenario.allowed_hosts, run.asked.clock, progress.note
    )
    discovered = await preflight(
        _of_one_process(started, wanted.protocol) or url,
        wanted.protocol,
        headers=headers,
        timeout_s=START_S if wanted.is_stdio else PREFLIGHT_S,
    )
    _chosen(run, discovered, places)
    check_against(scenario, discovered.protocol, discovered.tools)
    if run.call_all is None:
        _check_tools(scenario, discovered, places)
    progress.note(f"Target: {_introduce(discovered)} at {redact.url(places.mcp_url)}, {discovered.protocol}")
    if discovered.offers_http3:
        progress.note(OFFERS_HTTP3)
    _warn_of_memory(run, discovered)
    meter = SessionMeter() if wanted.is_stdio else None
    loaded = await ways.in_front(places, discovered.protocol, headers, started.first, started.balanced)
    return ServerUnderTest(
        places,
        loaded,
        discovered.protocol,
        discovered,
        authorization,
        managed=started.first is not None or wanted.is_stdio,
        usage=UsageMaxima(started.usage if meter is None else meter.read),
        meter=meter,
        balanced=started.balanced,
        records=started.records,
    )


def _of_one_process(started: Started, protocol: str) -> str:
    """Return the address of one of several processes: without affinity, questions to all of them may find no session."""
    if started.balanced is None or started.first is None:
        return ""
    own = doors(started.first.mcp_url, protocol)
    return own.ws_url if protocol == "websocket" else own.mcp_url


def _warn_of_memory(run: RunContext, discovered: Discovered) -> None:
    """Say so if the processes of all sessions may not find room in this machine's memory."""
    if not discovered.rss_bytes:
        return
    count = -(-run.plan.max_users // run.asked.scenario.target.users_per_process)
    needed, free = count * discovered.rss_bytes, _free_bytes()
    if needed > free:
        run.progress.note(
            f"Warning: one process of this server holds {discovered.rss_bytes / 1e6:.0f} MB, so {count} of them {needed / 1e9:.1f} GB; "
            f"{free / 1e9:.1f} GB are free."
        )


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return 1 << 62


def _introduce(discovered: Discovered) -> str:
    return (
        f"{discovered.server_name} {discovered.server_version or ''}".strip()
        if discovered.server_name
        else "a server without a name"
    )


def _chosen(run: RunContext, discovered: Discovered, places: Doors) -> None:
    """Choose what is called of a server of which nobody said it: every tool that only reads.

    The usual users are those of the reference server. Who asks for them by name (`mix`) gets them, or an error.
    """
    scenario = run.asked.scenario
    target = scenario.target
    foreign = target.is_stdio or target.command or target.url
    if (
        run.call_all is not None
        or scenario.workload
        or scenario.clients
        or scenario.replay
        or not foreign
        or discovered.tools is None
    ):
        return
    if scenario.mix not in (DEFAULT_MIX, MIX):
        return
    there = {tool["name"] for tool in discovered.tools}
    wanted = {tool for name, weight in scenario.mix.items() if weight for tool in USER_CLASSES[name].tools}
    if wanted <= there and not target.is_stdio:
        return
    if not any(map(only_reads, discovered.tools)):
        raise UsageError(
            f"Nobody said what to call of {redact.url(places.mcp_url)}",
            f"None of its {len(there)} tools is annotated as read-only, so that a call of any may write"
            if there
            else "It has no tools at all",
            "\n".join(
                [
                    "Call one of them:",
                    *_commands({t["name"]: t for t in discovered.tools}, places.mcp_url),
                ]
            )
            if there
            else "",
        )
    run.call_all = "tools"
    run.thinks = scenario.think is True
    run.write_down()
    run.progress.note(
        "Nobody said what to call, so every tool that is annotated as read-only is called (--all-tools); --call names one"
    )


def _check_tools(scenario: Scenario, discovered: Discovered, places: Doors) -> None:
    """Raise UsageError if a tool that will be called is missing.

    Skip this if the server cannot list its tools.
    """
    if discovered.tools is None:
        return
    if not scenario.workload and any(scenario.clients.values()):
        return  # they read lists, and call no tool
    if scenario.workload or scenario.replay:
        called = [call.call for call in calls_of(scenario)]
        called += [step.call for session in scenario.replay for step in session.steps]
        needed = [name for name in called if name is not None]
    else:
        needed = [
            tool for name, weight in scenario.mix.items() if weight for tool in USER_CLASSES[name].tools
        ]
    there = {tool["name"]: tool for tool in discovered.tools}
    missing = sorted(set(needed) - set(there))
    if not missing:
        return
    if missing[0] in discovered.refused:
        raise UsageError(
            f"The tool {missing[0]} of the server at {redact.url(places.mcp_url)} must not be called",
            f"Its x-mcp-header breaks the rules of 2026-07-28: {discovered.refused[missing[0]]}",
            "Correct its inputSchema, or speak an older version: --protocol 2025-11-25",
        )
    why = (
        f"It has {', '.join(sorted(there)[:12])}{', ...' if len(there) > 12 else ''}"
        if there
        else "It has no tools at all"
    )
    raise UsageError(
        f"The server at {redact.url(places.mcp_url)} has no tool {missing[0]}",
        why,
        "\n".join(["Call one of its own tools:", *_commands(there, places.mcp_url)]) if there else "",
    )


def _commands(tools: Mapping[str, Mapping[str, Any]], url: str) -> list[str]:
    """Return commands that work; only an error needs what makes arguments from schemas."""
    from harness.conduct.setup.suggestion import commands_that_work

    return commands_that_work(tools, url)
