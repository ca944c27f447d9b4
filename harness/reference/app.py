"""The service as one ASGI application: its parts, opened in order, and the endpoints (doors) before them.

    /mcp              MCP Streamable HTTP, both eras      (sessions in PostgreSQL or Redis)
    /mcp/tools/call   plain JSON-RPC
    /mcp/ws           MCP over WebSocket
    /health /status /metrics   for people, probes and load tests

Every refusal, in front of a door or behind it, is noted here, on its way out (`doors.refused`).

A client of Redis is imported only by a service that keeps its sessions there.

The parts are opened by the application's lifespan and closed with it, so one process can open the service,
close it, and open it again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from harness.foundation import free_memory
from harness.foundation.errors import TargetPartError, UsageError
from harness.reference import databases as postgres
from harness.reference.admission import Admission
from harness.reference.broken import applied
from harness.reference.caller import Caller, acting
from harness.reference.clients import Clients, ClientsUnreachableError, TakenError
from harness.reference.connecting import reason
from harness.reference.doors.admit import AdmissionGate
from harness.reference.doors.clients import routes as client_routes
from harness.reference.doors.gate import SessionGate
from harness.reference.doors.keys import OPEN, KeyGuard
from harness.reference.doors.names import Names
from harness.reference.doors.observe import Observer
from harness.reference.doors.plain import PlainDoor
from harness.reference.doors.refused import trimmed, watched
from harness.reference.doors.sessions import routes as session_routes
from harness.reference.doors.streamable import mcp_server, session_manager, telling
from harness.reference.doors.tasks import routes as task_routes
from harness.reference.doors.websocket import WebSocketDoor
from harness.reference.doors.wire import reply
from harness.reference.events import Events
from harness.reference.executions import Executions
from harness.reference.journal import FAILURES, Journal
from harness.reference.pipeline import Pipeline
from harness.reference.refusals import Refusals
from harness.reference.sessions import StoreUnreachableError, Sweep
from harness.reference.sessions_postgres import PostgresSessions
from harness.reference.settings import Settings
from harness.reference.sockets import Sockets
from harness.reference.tasks.running import opened as opened_tasks
from harness.reference.tools import TOOLS
from harness.reference.traffic import Traffic

if TYPE_CHECKING:
    from harness.reference.sessions_redis import RedisSessions

PAGES: Final = "pages"  # everything that is no hot door
CONNECTION: Final = "connection"  # before all doors
log = logging.getLogger(__name__)


class ReferenceServer:
    """The application: busy doors are found by exact path, everything else by Starlette."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: dict[tuple[str, str], tuple[str, ASGIApp]] = {}
        self._names = Names(settings)
        self._traffic = Traffic()
        self.first_key: str | None = None  # of an admin that had to be made: nobody can show it again
        self._pages: ASGIApp = Starlette(lifespan=lambda _app: self.running())
        self._refusals: Refusals | None = None  # while it is open
        self._stop_sockets: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in OPEN:
            await self._pages(scope, receive, send)
            return
        trimmed(scope)
        # A dictionary, because matching routes and wrapping each request costs more than a whole plain call.
        name, app = self._doors.get((scope["type"], scope["path"]), (PAGES, self._pages))
        with acting(_visitor(scope)):
            if self._refusals is not None:
                send = watched(scope, send, name, self._refusals)
            if (refusal := self._names.refusal(scope["headers"])) is not None:
                status, words = refusal
                await reply(send, status, words, kind=b"text/plain", scope_type=scope["type"])
            elif name == PAGES:
                await app(scope, receive, send)
            else:
                with self._traffic.passing(name):
                    await app(scope, receive, send)

    def refused(self, client: tuple[str, int] | None, status: int, words: str) -> None:
        """Note that a connection was refused before it reached a door."""
        if self._refusals is not None:
            with acting(_visitor({"type": "http", "client": client})):
                self._refusals.note(CONNECTION, words, status=status)

    async def stop(self) -> None:
        """Stop reading from WebSockets, and wait until each is closed after its calls are answered."""
        self._stop_sockets()
        await self._traffic.none_open("websocket")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the service for the body; raise a HarnessError if a part cannot be opened."""
        settings = self._settings
        events = Events(settings)
        admission = Admission(settings.rate_limit, settings.max_in_flight)
        async with (
            postgres.opened(settings) as sound,
            _broken(settings, sound) as databases,
            _session_store(settings, databases) as sessions,
            _recording(databases) as (executions, refusals),
            _pipeline(settings, databases, executions, admission) as pipeline,
            opened_tasks(settings, databases, events) as tasks,
            events.running(),
        ):
            self._traffic, self._refusals = Traffic(), refusals
            checks = {"queue": tasks.queue.check}
            observer = Observer(
                settings, databases, sessions, executions, refusals, admission, self._traffic, checks
            )
            guarded = await self._guard(clients := Clients(databases.own))
            events.on("client", lambda event: clients.forget(str(event.get("client"))))
            submitting = Starlette(routes=task_routes(tasks, sessions))
            self._pages = guarded(
                Starlette(
                    routes=[
                        Route("/health", observer.health),
                        Route("/status", observer.status),
                        Route("/metrics", observer.metrics),
                        *client_routes(clients),
                        *session_routes(sessions),
                        *submitting.routes,
                    ],
                )
            )
            server = mcp_server(pipeline, "mcp", refusals)
            streamed = session_manager(server, json_response=False)
            whole = session_manager(server, json_response=True) if settings.json_response else streamed
            mcp = telling(whole.handle_request, streamed.handle_request)
            socket_door = WebSocketDoor(
                mcp_server(pipeline, "websocket", refusals),
                admission,
                refusals,
                sessions,
                sessions,
                Sockets(events),
            )
            self._doors = {
                ("http", "/mcp"): (
                    "mcp",
                    guarded(AdmissionGate(SessionGate(mcp, sessions), admission)),
                ),
                ("http", "/mcp/tools/call"): ("plain", guarded(PlainDoor(pipeline, admission))),
                ("http", "/tasks"): ("tasks", guarded(AdmissionGate(submitting, admission))),
                ("websocket", "/mcp/ws"): ("websocket", guarded(socket_door)),
            }
            self._stop_sockets = socket_door.stop
            sweeping = asyncio.create_task(
                _sweep(
                    applied.sweep(settings, databases, sessions.sweep),
                    (executions.journal, refusals.journal),
                    settings,
                )
            )
            try:
                async with (
                    _held(streamed),
                    _held(whole) if whole is not streamed else contextlib.nullcontext(),
                ):
                    yield
            finally:
                self._doors, self._refusals = {}, None
                self._pages = Starlette(lifespan=lambda _app: self.running())
                sweeping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sweeping
                await clients.settle()

    async def _guard(self, clients: Clients) -> Callable[[ASGIApp], ASGIApp]:
        """Return the wrapper of each door: with authentication, the check of keys."""
        settings = self._settings
        if not settings.auth:
            return lambda app: applied.door(settings, app)
        try:
            self.first_key = await clients.first_admin(settings.admin_key)
        except TakenError as error:
            raise UsageError(
                "The admin key cannot be used.",
                "The client with this id has another secret, or was revoked.",
                "Give its old key, or a new one, or none.",
            ) from error
        except ClientsUnreachableError as error:
            raise TargetPartError("The target cannot look up its admin.", str(error)) from error
        keys = applied.keys(settings, clients)
        return lambda app: KeyGuard(applied.door(settings, app), keys)


def build(settings: Settings) -> ReferenceServer:
    """Return the application; nothing is opened before its lifespan begins."""
    return ReferenceServer(settings)


@contextlib.asynccontextmanager
async def _held(manager: StreamableHTTPSessionManager) -> AsyncIterator[None]:
    """Run the SDK's task group in a task of its own.

    Entered here directly it would turn every error of the service into an ExceptionGroup, and could be left
    only by the task that entered it.
    """
    entered, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        try:
            async with manager.run():
                entered.set()
                await leave.wait()
        finally:
            entered.set()  # also when it could not be entered: then the task tells why

    holding = asyncio.create_task(hold())
    await entered.wait()
    try:
        if not holding.done():
            yield
    finally:
        leave.set()
        await holding


@contextlib.asynccontextmanager
async def _broken(settings: Settings, sound: postgres.Databases) -> AsyncIterator[postgres.Databases]:
    """Yield the databases, broken on purpose if the settings say so."""
    yield await applied.databases(settings, sound)


@contextlib.asynccontextmanager
async def _recording(databases: postgres.Databases) -> AsyncIterator[tuple[Executions, Refusals]]:
    """Yield the recorders of calls and refusals; at the end all rows are written."""
    executions, refusals = Executions(databases.own), Refusals(databases.own)
    async with executions.running(), refusals.running():
        yield executions, refusals


@contextlib.asynccontextmanager
async def _pipeline(
    settings: Settings, databases: postgres.Databases, executions: Executions, admission: Admission
) -> AsyncIterator[Pipeline]:
    """Yield the pipeline for calls; at the end wait until no call is under way."""
    tools = applied.tools(settings, TOOLS)
    pipeline = Pipeline(databases, executions, tools, admission, result_bytes_max=settings.result_bytes_max)
    try:
        yield pipeline
    finally:
        await pipeline.settle()


@contextlib.asynccontextmanager
async def _session_store(settings: Settings, databases: postgres.Databases) -> AsyncIterator[applied.Store]:
    """Yield the session store that the settings name."""
    async with contextlib.AsyncExitStack() as stack:
        store: PostgresSessions | RedisSessions = PostgresSessions(databases.own, settings.session_ttl_s)
        if settings.sessions_in_redis:
            from harness.reference import sessions_redis

            redis = await stack.enter_async_context(
                sessions_redis.connected(
                    settings.redis_url,
                    at_most=settings.pool_max,
                    wait_s=settings.pool_wait_s,
                    answer_s=settings.statement_timeout_s,
                )
            )
            store = sessions_redis.RedisSessions(redis, settings.schema, settings.session_ttl_s)
        try:
            yield applied.sessions(settings, store)
        finally:
            await store.settle()


async def _sweep(sweep: Sweep, journals: Iterable[Journal], settings: Settings) -> None:
    while True:
        await asyncio.sleep(settings.session_sweep_s)
        try:
            await sweep()
            for journal in journals:
                await journal.forget_before(settings.record_ttl_s)
        except (StoreUnreachableError, *FAILURES) as error:
            log.warning("Expired rows were not deleted: %s", reason(error))
        await asyncio.to_thread(free_memory.give_back)


@lru_cache(maxsize=1024)
def _at(name: str, address: str) -> Caller:
    return Caller(name=name, address=address)


def _visitor(scope: Scope) -> Caller:
    """Return the caller before authentication: named by its address, or its WebSocket connection."""
    host, port = scope.get("client") or ("nobody", 0)
    return _at(f"{host}:{port}" if scope["type"] == "websocket" else host, host)
