"""/mcp/ws: MCP over a WebSocket, by the official SDK's server loop.

No revision of the protocol specifies it; this is the binding in use: subprotocol `mcp`, one JSON-RPC message a
text frame, the normal initialize handshake, answers in any order. A frame that is not JSON-RPC gets an error
without an id, and the connection stays.

Sessions are ours, since the binding has none: the result of initialize has a token, `_meta` "harness/session".
Who connects with it (header Mcp-Session-Id, or ?session=TOKEN) goes on in that session without initialize; a token
that is unknown, expired, closed or another client's is 404. A session that ends meanwhile closes the socket: 4404.

When the service stops, no frame is read any more; calls that were read are answered, and then the connection is
closed with 1012 (the service restarts).
"""

from typing import Any, Final
from urllib.parse import parse_qs

import anyio
import msgspec
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.runner import serve_loop
from mcp.shared._context_streams import (
    create_context_streams,
)  # what serve_loop takes; there is no public way
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST, jsonrpc_message_adapter
from starlette.types import Message, Receive, Scope, Send

from harness.reference import ids
from harness.reference.abandoned_calls import wishing
from harness.reference.admission import Admission
from harness.reference.caller import acting, current, within
from harness.reference.doors.conversation import RESUMING, Conversation
from harness.reference.doors.opening import agent_of
from harness.reference.doors.wire import reply, rpc_error
from harness.reference.refusals import Refusals
from harness.reference.sessions import SessionStore, SessionUpkeep, StoreUnreachableError
from harness.reference.sockets import Socket, Sockets

SUBPROTOCOL: Final = "mcp"
TOO_BIG: Final = 1009


class WebSocketDoor:
    """An ASGI application; see the module."""

    def __init__(
        self,
        server: Server[Any],
        admission: Admission,
        refusals: Refusals,
        store: SessionStore,
        upkeep: SessionUpkeep,
        sockets: Sockets,
    ) -> None:
        self._server, self._admission, self._refusals = server, admission, refusals
        self._store, self._upkeep, self._sockets = store, upkeep, sockets
        self._options = server.create_initialization_options(NotificationOptions(tools_changed=True))
        self._stopping = False
        self._reading: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Stop reading; each connection ends when its calls are answered."""
        self._stopping = True
        for scope in self._reading:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = _heard(send)
        await receive()  # websocket.connect
        token = _token(scope)
        try:
            earlier = [] if token is None else await self._said_before(token)
        except StoreUnreachableError as error:
            words = rpc_error(None, INTERNAL_ERROR, f"The session store does not answer: {error}")
            await reply(send, 503, words, scope_type="websocket")
            return
        if earlier is None:
            words = rpc_error(None, INVALID_REQUEST, "Session not found")
            await reply(send, 404, words, scope_type="websocket")
            return
        offered = scope.get("subprotocols") or []
        # A client that offers none is served too; naming one it did not offer would end the connection.
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        socket = Socket(within(token) if token else current())
        self._sockets.add(socket)
        try:
            await self._hold(
                Conversation(self._store, self._admission, self._refusals, socket, send, agent_of(scope)),
                receive,
                earlier,
            )
        finally:
            self._sockets.remove(socket)
        if self._stopping:
            await send({"type": "websocket.close", "code": 1012, "reason": "the service stops"})

    async def _hold(self, conversation: Conversation, receive: Receive, earlier: list[str]) -> None:
        """Serve one connection from the first frame to the last."""
        to_server, server_reads = create_context_streams[SessionMessage | Exception](0)
        server_writes, from_server = create_context_streams[SessionMessage](0)

        async def write() -> None:
            async with from_server:
                async for message in from_server:
                    await conversation.answer(message.message)

        async def read() -> None:
            async with to_server:
                for frame in earlier:
                    await to_server.send(SessionMessage(jsonrpc_message_adapter.validate_json(frame)))
                while (event := await self._next(receive)) and event["type"] == "websocket.receive":
                    message = await conversation.admitted(event.get("text") or (event.get("bytes") or b""))
                    if conversation.is_over:
                        return
                    if message is not None:
                        # The code that works on this message can read both.
                        with acting(conversation.caller), wishing(conversation.heard(message)):
                            await to_server.send(SessionMessage(message))
                if event is None:
                    await conversation.all_answered()
                elif event.get("code") == TOO_BIG:
                    conversation.refused("A frame is too large", status=413)

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                tasks.start_soon(read)
                tasks.start_soon(conversation.notify)
                await serve_loop(
                    self._server, server_reads, server_writes, lifespan_state={}, init_options=self._options
                )
                tasks.cancel_scope.cancel()
        finally:
            conversation.end()

    async def _next(self, receive: Receive) -> Message | None:
        """Return the next event; None when the service stops."""
        if self._stopping:
            return None
        with anyio.CancelScope() as scope:
            self._reading.add(scope)
            try:
                return await receive()
            finally:
                self._reading.discard(scope)
        return None

    async def _said_before(self, token: str) -> list[str] | None:
        """Return the handshake messages of a resumed session; None when the client has no such session."""
        owner = current().client
        if not ids.can_be(token) or not await self._store.touch(token, owner):
            return None
        self._store.leave(token, owner)
        session = await self._upkeep.find(token)
        if session is None:
            return None
        info = {"name": session.client.name, "version": session.client.version}
        params = {"protocolVersion": session.client.protocol, "capabilities": {}, "clientInfo": info}
        hello = {"jsonrpc": "2.0", "id": RESUMING, "method": "initialize", "params": params}
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        return [msgspec.json.encode(message).decode() for message in (hello, ready)]


def _heard(send: Send) -> Send:
    """Return a `send` that does nothing, without an error, when the client is gone."""
    over = False

    async def said(message: Message) -> None:
        nonlocal over
        if over:
            return
        over = message["type"] == "websocket.close"
        try:
            await send(message)
        except (
            OSError,
            RuntimeError,
        ):  # ASGI's errors when the client is gone, or was closed for its frames
            over = True

    return said


def _token(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"mcp-session-id":
            return str(value.decode("latin-1"))
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session")
    return asked[0] if asked else None
