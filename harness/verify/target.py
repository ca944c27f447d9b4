"""The deployment that is verified: looked at once, however many checks ask; for tests that are no coroutines.

with target.client() as client:                     a session by the newest door that is offered
    reply = client.call("echo", {"message": "hi"})  a Reply of harness.mcp: its outcome says how the call ended
target.run(coroutine)                               anything else, on the one event loop of the verification
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from harness.client import connecting
from harness.client.auth.keeper import Keeper
from harness.client.http import Head, http_client
from harness.client.preflight import preflight
from harness.client.session import Client, connected
from harness.foundation.addresses import route
from harness.foundation.addresses.address import same
from harness.foundation.addresses.kind import is_public
from harness.foundation.addresses.vetting import VettedAddresses
from harness.foundation.clock import RealClock, within
from harness.foundation.errors import HarnessError, TargetUnreachableError
from harness.foundation.secrets import redact
from harness.foundation.units import NS_PER_MS
from harness.mcp import outcome, stdio_address
from harness.mcp.dialects import new_session
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.discover import PAGES_MAX, TOOLS_BYTES_MAX, list_tools
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply, Request
from harness.run_directory.undo import UndoJournal
from harness.services.cleanup.leftover_calls import CALLS
from harness.services.cleanup.leftover_commands import COMMAND
from harness.services.cleanup.leftover_databases import DATABASE
from harness.verify import removing
from harness.verify.doors import DOORS, Door, Places, looked_at
from harness.verify.exchanges import Exchanges
from harness.verify.finding import UndecidedError
from harness.verify.settings import Settings
from harness.verify.spec.model import Spec

T = TypeVar("T")
CLOCK = RealClock()
TRIES = 3


@dataclass(slots=True)
class OpenClient:
    """One open session, for a test that is no coroutine."""

    door: str
    _client: Client = field(repr=False)
    _run: Callable[[Coroutine[Any, Any, Reply]], Reply] = field(repr=False)

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """A tool, once."""
        return self._run(self._client.call(tool, arguments))

    def request(self, method: str, params: Mapping[str, Any]) -> Reply:
        """Any other method."""
        return self._run(self._client.request(method, params))


@dataclass(frozen=True, slots=True)
class Deploy:
    """How another process is put in the place of the one that serves."""

    replace: Callable[[], Coroutine[Any, Any, None]]
    process: Callable[[], str | None]  # which one serves; None when nobody can say


@dataclass(slots=True)
class Target:
    """One deployment, and the loop that its clients live on."""

    settings: Settings
    places: Places
    headers: dict[str, str] = field(repr=False)
    vetted: VettedAddresses
    _runner: asyncio.Runner = field(repr=False)
    _doors: dict[str, Door] = field(default_factory=dict)
    _tools: dict[str, list[JsonObject] | None] = field(default_factory=dict)
    exchanges: Exchanges = field(default_factory=Exchanges, repr=False)
    closing: ExitStack = field(default_factory=ExitStack, repr=False)  # of what is open until the end
    _idle: dict[str, list[OpenClient]] = field(default_factory=dict, repr=False)
    undo: UndoJournal | None = field(default=None, repr=False)  # of what must be undone
    trials: UndoJournal | None = field(default=None, repr=False)  # of what a simulation makes in a database
    written_down: dict[str, str] = field(
        default_factory=dict, repr=False
    )  # its path and headers, without secrets
    keeper: Keeper | None = None  # of the token among the headers
    _keeping: asyncio.Task[None] | None = field(default=None, repr=False)
    tries: int = 1  # of the timed check that runs
    deploy: Deploy | None = None  # where it can be deployed from here

    @property
    def shown(self) -> str:
        """Its address, fit to be shown."""
        return redact.url(self.places.mcp)

    @property
    def is_stdio(self) -> bool:
        """Whether it speaks over its standard input and output: each session starts a process of it, and nothing is HTTP."""
        return bool(stdio_address.command(self.places.mcp))

    @property
    def is_local(self) -> bool:
        """Whether all that its host stands for is this machine, or a network that the Internet does not reach."""
        host = same(urlsplit(self.places.base).hostname or "")
        return all(not is_public(address) for address in self.vetted.get(host, ()))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """On the loop of the verification, with a token that is valid."""
        if self.keeper is None:
            return self._runner.run(coroutine)
        try:
            self._runner.run(self.keeper.renew_if_due())
        except HarnessError as error:
            coroutine.close()
            if not self.keeper.tokens:
                raise
            raise UndecidedError(
                f"there is no new token. {error.what}: {error.why}", "", error.todo
            ) from error
        return self._runner.run(coroutine)

    def run_unauthorized(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The same, without a token being asked for."""
        return self._runner.run(coroutine)

    def authorize(self) -> None:
        """Get the first token now; HarnessError without one. It is kept valid in the midst of long exchanges, too."""
        if self.keeper is not None:
            self._runner.run(self.keeper.renew_if_due())
            self._keeping = self._runner.get_loop().create_task(self.keeper.keep())

    def door(self, name: str) -> Door:
        """Whether it is offered; looked at once."""
        looked_at = self._looked_at(name)
        self.exchanges.recall(f"door {name}")
        return looked_at

    def _looked_at(self, name: str) -> Door:
        if name not in self._doors:
            looking = looked_at(name, self.places, self.headers, self.settings.timeout_s)
            with self.exchanges.keeping(f"door {name}"):
                self._doors[name] = self.run(looking)
        return self._doors[name]

    def doors(self) -> list[Door]:
        """All that are offered, the newest first."""
        return [door for door in map(self._looked_at, DOORS) if door.offered and not door.broken]

    def newest(self) -> Door | None:
        """Of those with a handshake, or without need of one."""
        return next((door for door in self.doors() if door.name != "plain"), None)

    def with_sessions(self) -> Door | None:
        """The newest that names its sessions."""
        return next((door for door in self.doors() if door.session_id), None)

    def http_door(self) -> str | None:
        """The newest at which each call is a POST of its own."""
        if self.is_stdio:
            return None
        named = (MODERN_VERSION, *HANDSHAKE_VERSIONS)
        return next((door.name for door in self.doors() if door.name in named), None)

    def first_request(self) -> Request | None:
        """What a client would post first, by the newest door that is offered; it is taken. None where nothing can be posted."""
        door = self.http_door()
        if door is None:
            return None
        if door == MODERN_VERSION:
            return ModernSession().request("server/discover", {})
        return next(HandshakeSession(door).opening())

    def tools(self, door: str) -> list[JsonObject] | None:
        """As that door lists them; None where it cannot be asked."""
        if door not in self._tools and self.is_stdio:
            self._tools[door] = self._listed_over_stdio(door)
        if door not in self._tools:
            asking = preflight(
                self.places.of(door), door, headers=self.headers, timeout_s=4 * self.settings.timeout_s
            )
            with self.exchanges.keeping(f"tools {door}"):
                self._tools[door] = self.run(asking).tools
        self.exchanges.recall(f"tools {door}")
        return self._tools[door]

    def _listed_over_stdio(self, door: str) -> list[JsonObject] | None:
        """All pages, by a session that is there already."""
        tools: list[JsonObject] = []
        params: JsonObject = {}
        with self.client(door) as client:
            for _ in range(PAGES_MAX):
                reply = client.request("tools/list", params)
                page = reply.mapping(TOOLS_BYTES_MAX).get("tools") if reply.outcome == outcome.OK else None
                if not isinstance(page, list):
                    return None
                tools += [
                    tool for tool in page if isinstance(tool, dict) and isinstance(tool.get("name"), str)
                ]
                params = {"cursor": reply.mapping(TOOLS_BYTES_MAX).get("nextCursor")}
                if not params["cursor"]:
                    break
        return tools

    def introductions(self, door: str, times: int) -> list[tuple[str | None, str | None]]:
        """How whoever answers introduces himself, asked on so many new connections."""
        looks = (looked_at(door, self.places, self.headers, self.settings.timeout_s) for _ in range(times))
        return [self.run(look).server for look in looks]

    def listed(self, door: str, times: int) -> list[list[JsonObject]]:
        """The tools, listed so often, each time on connections of its own; what cannot be listed is for other checks to say."""
        lists = []
        for _ in range(times):
            session = new_session(door)
            self.drive(session.opening())
            tools = self.drive(list_tools(session))
            self.drive(session.closing())
            lists += [] if isinstance(tools, Reply) else [tools]
        return lists

    @contextmanager
    def client(self, door: str | None = None) -> Iterator[OpenClient]:
        """An open session; of its own, beside all others."""
        name = door or self._newest_name()
        if self.is_stdio:
            with self._kept_client(name) as kept:
                yield kept
            return
        opening = connected(
            self.places.of(name), name, headers=self.headers, timeout_s=self.settings.timeout_s
        )
        client = self.run(opening.__aenter__())
        try:
            yield OpenClient(name, client, self.run)
        finally:
            self.run(opening.__aexit__(None, None, None))

    @contextmanager
    def _kept_client(self, door: str) -> Iterator[OpenClient]:
        """One whose process serves one check after the other: to start it costs more than all that is asked of it."""
        waiting = self._idle.setdefault(door, [])
        if waiting:
            kept = waiting.pop()
        else:
            opening = connected(self.places.of(door), door, timeout_s=self.settings.timeout_s)
            kept = OpenClient(door, self.run(opening.__aenter__()), self.run)
            self.closing.callback(lambda: self.run(opening.__aexit__(None, None, None)))
        yield kept
        if kept.request("ping", {}).outcome in {outcome.OK, outcome.RPC_ERROR}:
            waiting.append(kept)

    def called_at_once(self, door: str, tool: str, calls: Sequence[Mapping[str, Any]]) -> list[Reply]:
        """One tool with each of these arguments at the same moment, in a session each that was opened before."""

        async def made() -> list[Reply]:
            async with AsyncExitStack() as stack:
                openings = (
                    connected(
                        self.places.of(door), door, headers=self.headers, timeout_s=self.settings.timeout_s
                    )
                    for _ in calls
                )
                clients = [await stack.enter_async_context(opening) for opening in openings]
                asked = (client.call(tool, each) for client, each in zip(clients, calls, strict=True))
                return list(await asyncio.gather(*asked))

        return self.run(made())

    def exchange(self, request: Request, url: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """One request, on a connection of its own, with the headers of this verification, or others."""
        return self.run(self.attempt(request, url, headers))

    async def attempt(
        self, request: Request, url: str = "", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The same, on the loop already; a session that was opened in passing is ended."""
        sent = self.headers if headers is None else headers
        async with http_client(url or self.places.mcp, self.settings.timeout_s, sent) as client:
            reply = await client.exchange(request)
            if reply.session_id is not None and request.operation == "initialize":
                named = (
                    ("Mcp-Session-Id", reply.session_id),
                    ("MCP-Protocol-Version", HANDSHAKE_VERSIONS[0]),
                )
                await client.exchange(Request("session/delete", b"", named, None, "DELETE"))
            return reply

    def drive(self, sequence: Generator[Request, Reply, T], url: str = "") -> T:
        """A sequence of requests of somebody who sees to his sessions himself."""

        async def driven() -> T:
            async with http_client(url or self.places.mcp, self.settings.timeout_s, self.headers) as client:
                return await client.run(sequence)

        return self.run(driven())

    def announce(self, tool: str, arguments: Mapping[str, Any]) -> Callable[[], None]:
        """Write down how something is removed, before it is made; call what comes back when it is gone."""
        if self.undo is None:
            return lambda: None
        undo_data = removing.entry(
            self.places.mcp, self.vetted, self.written_down, self.http_door(), tool, arguments
        )
        return self.undo.add(CALLS, **undo_data).done

    def announce_pause(self) -> Callable[[], None]:
        """Write down that workers are stopped, before they are; call what comes back when they go on."""
        if self.undo is None:
            return lambda: None
        return self.undo.add(COMMAND, variable=removing.RESUME, told="tasks.resume of verify.yaml").done

    def announce_apart(self, kind: str, name: str) -> Callable[[], None]:
        """Write down that a schema or a database is made for a trial, before it is; call what comes back when it is dropped."""
        journal = self.undo or self.trials
        if journal is None:
            return lambda: None
        where = "the database of verify.yaml (database.dsn)"
        return journal.add(DATABASE, drop=kind, name=name, told=where).done

    def announce_process(self, pid: int) -> Callable[[], None]:
        """Write down that a command of the user's runs that must not go on without us; call what comes back when it has ended."""
        journal = self.undo or self.trials
        return (lambda: None) if journal is None else journal.process(pid, "a command of verify.yaml").done

    def introduction(self) -> str:
        """Name and version, as far as they have been heard; it is not asked again."""
        named = (door.server for door in self._doors.values() if door.server[0])
        return " ".join(part for part in next(named, ()) if part)

    def best_ms(self, once: Callable[[], object], most_ms: float) -> float:
        """The shortest of up to three times; a check that is timed counts when all three are too long."""
        best = float("inf")
        for self.tries in range(1, TRIES + 1):
            began_ns = CLOCK.now_ns()
            once()
            best = min(best, (CLOCK.now_ns() - began_ns) / NS_PER_MS)
            if best <= most_ms:
                break
        return best

    def head(self, request: Request, url: str, headers: Mapping[str, str] | None = None) -> Head | None:
        """Status and headers of the answer; None when none came."""
        sent = self.headers if headers is None else headers

        async def made() -> Head | None:
            async with http_client(url, self.settings.timeout_s, sent) as client:
                return await client.head(request)

        return self.run(made())

    @property
    def spec(self) -> Spec:
        """What is expected of it."""
        return self.settings.spec

    async def certificate(self) -> JsonObject:
        """What its server proves itself with; ssl.SSLError when that is no proof."""
        by = route.current()  # checked, even where nobody asked for that
        async with within(self.settings.timeout_s):
            with route.in_force(replace(by, tls=replace(by.tls, insecure=False))):
                reader, writer = await connecting.connection(self.places.base)
        del reader
        try:
            shown: JsonObject = writer.get_extra_info("peercert") or {}
            return shown
        finally:
            writer.close()

    def _newest_name(self) -> str:
        newest = self.newest()
        if newest is None:
            raise TargetUnreachableError(
                f"{self.shown} speaks no MCP",
                "No door works",
                "See the check that says which were tried",
            )
        return newest.name
