"""/mcp/ws: MCP over a WebSocket, by the official SDK's server loop.

No revision of the protocol specifies it; this is the binding in use: subprotocol `mcp`, one JSON-RPC message a
text frame, the normal initialize handshake, answers in any order. The connection is the session, so nothing of
it is stored. A frame that is not JSON-RPC gets an error without an id, and the connection stays.

When the service stops, no frame is read any more; calls that were read are answered, and then the connection is
closed with 1012 (the service restarts).
"""

import asyncio
import logging
from collections import Counter
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_loop
from mcp.shared._context_streams import (
    create_context_streams,
)  # what serve_loop takes; there is no public way
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from harness.target import caller
from harness.target.admission import Admission
from harness.target.doors.wire import rpc_error

SUBPROTOCOL = "mcp"

log = logging.getLogger(__name__)


class WebSocketDoor:
    """ASGI; see the module."""

    def __init__(self, server: Server[Any], admission: Admission) -> None:
        self._server, self._admission = server, admission
        self._stopping = False
        self._reading: set[anyio.CancelScope] = set()

    def stop(self) -> None:
        """Read nothing any more; each connection ends when its calls are answered."""
        self._stopping = True
        for scope in self._reading:
            scope.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        offered = scope.get("subprotocols") or []
        # A client that offers none is served too; naming one it did not offer would end the connection.
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        to_server, server_reads = create_context_streams[SessionMessage | Exception](0)
        server_writes, from_server = create_context_streams[SessionMessage](0)

        calls = _Calls(self._admission)

        async def write() -> None:
            async with from_server:
                async for message in from_server:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await send({"type": "websocket.send", "text": text})
                    calls.answered(message.message)

        async def read() -> None:
            async with to_server:
                while (event := await self._next(receive)) and event["type"] == "websocket.receive":
                    frame = event.get("text") or (event.get("bytes") or b"")
                    try:
                        message = jsonrpc_message_adapter.validate_json(frame, by_name=False)
                    except ValidationError as error:
                        await send({"type": "websocket.send", "text": _fault(error)})
                        continue
                    if (refusal := calls.refusal(message)) is not None:
                        await send({"type": "websocket.send", "text": refusal})
                    else:
                        await to_server.send(SessionMessage(message))
                if event is None:
                    await calls.all_answered()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                tasks.start_soon(read)
                await serve_loop(self._server, server_reads, server_writes, lifespan_state={})
                tasks.cancel_scope.cancel()
        finally:
            calls.over()
        if self._stopping:
            await send({"type": "websocket.close", "code": 1012, "reason": "the service stops"})

    async def _next(self, receive: Receive) -> Message | None:
        """The next event; None when the service stops."""
        if self._stopping:
            return None
        with anyio.CancelScope() as scope:
            self._reading.add(scope)
            try:
                return await receive()
            finally:
                self._reading.discard(scope)
        return None


class _Calls:
    """The calls of one connection that are not answered yet: let in, and counted out."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._open: Counter[str | int] = Counter()  # ids are the client's, and it may use one twice
        self._answered = asyncio.Event()

    def refusal(self, message: JSONRPCMessage) -> str | None:
        """The error to answer with, when the message is a request that is not let in."""
        if not isinstance(message, JSONRPCRequest):
            return None
        if (refusal := self._admission.enter(caller.current().key)) is not None:
            return rpc_error(message.id, refusal.code, refusal.words).decode()
        self._open[message.id] += 1
        return None

    def answered(self, message: JSONRPCMessage) -> None:
        if isinstance(message, (JSONRPCResponse, JSONRPCError)) and self._open.get(message.id, 0):  # type: ignore[arg-type]
            self._open[message.id] -= 1  # type: ignore[index]
            self._open = +self._open
            self._admission.leave()
            self._answered.set()

    async def all_answered(self) -> None:
        while self._open:
            self._answered.clear()
            await self._answered.wait()

    def over(self) -> None:
        """The connection is gone, and with it who waited."""
        for _ in range(self._open.total()):
            self._admission.leave()


def _fault(error: ValidationError) -> str:
    not_json = error.errors(include_url=False)[0]["type"] == "json_invalid"
    code, words = (PARSE_ERROR, "Parse error") if not_json else (INVALID_REQUEST, "Not a JSON-RPC message")
    return rpc_error(None, code, words).decode()
