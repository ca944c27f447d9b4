"""The service as one ASGI application: the parts opened in order, the doors in front of them.

    /mcp              MCP Streamable HTTP, both eras      (sessions in PostgreSQL or Redis)
    /mcp/tools/call   plain JSON-RPC
    /mcp/ws           MCP over WebSocket
    /health /status   for people, probes and load tests

The parts are opened by the application's lifespan and closed with it, so one process can open the service,
close it, and open it again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from harness.errors import ServiceError, UsageError
from harness.target import databases as postgres
from harness.target.clients import Clients, ClientsUnreachableError, TakenError
from harness.target.doors.clients import routes as client_routes
from harness.target.doors.gate import SessionGate
from harness.target.doors.keys import OPEN, KeyGuard
from harness.target.doors.names import Names
from harness.target.doors.observe import Observer, Traffic
from harness.target.doors.plain import PlainDoor
from harness.target.doors.sessions import routes as session_routes
from harness.target.doors.streamable import mcp_server, session_manager
from harness.target.doors.tasks import routes as task_routes
from harness.target.doors.websocket import WebSocketDoor
from harness.target.doors.wire import reply
from harness.target.events import Events
from harness.target.executions import Executions
from harness.target.pipeline import Pipeline
from harness.target.sessions import SessionUpkeep, StoreUnreachableError
from harness.target.sessions_postgres import PostgresSessions
from harness.target.sessions_redis import RedisSessions, connected
from harness.target.settings import Settings
from harness.target.tasks.running import opened as opened_tasks

log = logging.getLogger(__name__)


class Target:
    """The application: hot doors by exact path, everything else by Starlette."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._doors: dict[tuple[str, str], tuple[str, ASGIApp]] = {}
        self._names = Names(settings)
        self._traffic = Traffic()
        self.first_key: str | None = None  # of an admin that had to be made: nobody can show it again
        self._pages: ASGIApp = Starlette(lifespan=lambda _app: self.running())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A dictionary, because matching routes and wrapping each request costs more than a whole plain call.
        path = scope.get("path", "")
        checked = path not in OPEN and scope["type"] != "lifespan"
        if checked and (refusal := self._names.refusal(scope["headers"])) is not None:
            await _refuse(scope, send, *refusal)
            return
        door = self._doors.get((scope["type"], path))
        if door is None:
            await self._pages(scope, receive, send)
            return
        name, app = door
        self._traffic.requests[name] += 1
        await app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The service is open inside this; what cannot be opened raises a HarnessError."""
        settings = self._settings
        events = Events(settings)
        async with (
            postgres.opened(settings) as databases,
            _session_store(settings, databases) as sessions,
            _pipeline(databases) as pipeline,
            opened_tasks(settings, databases, events) as tasks,
            events.running(),
        ):
            self._traffic = Traffic()
            observer = Observer(settings, databases, sessions, self._traffic)
            guarded = await self._guard(clients := Clients(databases.own))
            events.on("client", lambda event: clients.forget(str(event.get("client"))))
            self._pages = guarded(
                Starlette(
                    routes=[
                        Route("/health", observer.health),
                        Route("/status", observer.status),
                        *client_routes(clients),
                        *session_routes(sessions),
                        *task_routes(tasks, sessions),
                    ],
                )
            )
            manager = session_manager(mcp_server(pipeline, "mcp"), settings)
            self._doors = {
                ("http", "/mcp"): ("mcp", guarded(SessionGate(manager.handle_request, sessions))),
                ("http", "/mcp/tools/call"): ("plain", guarded(PlainDoor(pipeline))),
                ("websocket", "/mcp/ws"): (
                    "websocket",
                    guarded(WebSocketDoor(mcp_server(pipeline, "websocket"))),
                ),
            }
            sweeping = asyncio.create_task(_sweep(sessions, settings.session_sweep_s))
            try:
                async with _held(manager):
                    yield
            finally:
                self._doors = {}
                self._pages = Starlette(lifespan=lambda _app: self.running())
                sweeping.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sweeping
                await clients.settle()

    async def _guard(self, clients: Clients) -> Callable[[ASGIApp], ASGIApp]:
        """What stands in front of each door: nothing, or the check of keys."""
        settings = self._settings
        if not settings.auth:
            return lambda app: app
        try:
            self.first_key = await clients.first_admin(settings.admin_key)
        except TakenError as error:
            raise UsageError(
                "The admin's key cannot be used.",
                "A client with its id has another secret, or was revoked.",
                "Give the key it had, or another one, or none.",
            ) from error
        except ClientsUnreachableError as error:
            raise ServiceError("The target cannot see that it has an admin.", str(error)) from error
        return lambda app: KeyGuard(app, clients)


def build(settings: Settings) -> Target:
    """The application; nothing is opened before its lifespan begins."""
    return Target(settings)


@contextlib.asynccontextmanager
async def _held(manager: StreamableHTTPSessionManager) -> AsyncIterator[None]:
    """The SDK's task group, in a task of its own.

    Entered here directly it would turn whatever is raised inside the service into an ExceptionGroup, and could
    be left only by the task that entered it.
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
async def _pipeline(databases: postgres.Databases) -> AsyncIterator[Pipeline]:
    """The way of every call; at the end no write is under way, and all that was executed is recorded."""
    executions = Executions(databases.own)
    async with executions.running():
        pipeline = Pipeline(databases, executions)
        try:
            yield pipeline
        finally:
            await pipeline.settle()


@contextlib.asynccontextmanager
async def _session_store(
    settings: Settings, databases: postgres.Databases
) -> AsyncIterator[PostgresSessions | RedisSessions]:
    """Where the settings want sessions to be kept."""
    async with contextlib.AsyncExitStack() as stack:
        store: PostgresSessions | RedisSessions = PostgresSessions(databases.own, settings.session_ttl_s)
        if settings.sessions_in_redis:
            redis = await stack.enter_async_context(
                connected(
                    settings.redis_url,
                    at_most=settings.pool_max,
                    wait_s=settings.pool_wait_s,
                    answer_s=settings.statement_timeout_s,
                )
            )
            store = RedisSessions(redis, settings.schema, settings.session_ttl_s)
        try:
            yield store
        finally:
            await store.settle()


async def _refuse(scope: Scope, send: Send, status: int, words: bytes) -> None:
    if scope["type"] == "websocket":
        await send(
            {"type": "websocket.close", "code": 1008, "reason": words.decode()}
        )  # before accept: HTTP 403
        return
    await reply(send, status, words, kind=b"text/plain")


async def _sweep(sessions: SessionUpkeep, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await sessions.sweep()
        except StoreUnreachableError as error:
            log.warning("Expired sessions were not deleted: %s", error)
