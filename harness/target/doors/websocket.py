"""/mcp/ws: MCP over a WebSocket, by the official SDK's server loop.

No revision of the protocol specifies it; this is the binding in use: subprotocol `mcp`, one JSON-RPC message a
text frame, the normal initialize handshake, answers in any order. The connection is the session, so nothing of
it is stored. A frame that is not JSON-RPC gets an error without an id, and the connection stays.
"""

import logging
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.runner import serve_loop
from mcp.shared._context_streams import (
    create_context_streams,
)  # what serve_loop takes; there is no public way
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, jsonrpc_message_adapter
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from harness.target.doors.wire import rpc_error

SUBPROTOCOL = "mcp"

log = logging.getLogger(__name__)


class WebSocketDoor:
    """ASGI; see the module."""

    def __init__(self, server: Server[Any]) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        offered = scope.get("subprotocols") or []
        # A client that offers none is served too; naming one it did not offer would end the connection.
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await send({"type": "websocket.accept", "subprotocol": chosen})
        to_server, server_reads = create_context_streams[SessionMessage | Exception](0)
        server_writes, from_server = create_context_streams[SessionMessage](0)

        async def write() -> None:
            async with from_server:
                async for message in from_server:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    await send({"type": "websocket.send", "text": text})

        async def read() -> None:
            async with to_server:
                while (event := await receive())["type"] == "websocket.receive":
                    frame = event.get("text") or (event.get("bytes") or b"")
                    try:
                        message = jsonrpc_message_adapter.validate_json(frame, by_name=False)
                    except ValidationError as error:
                        await send({"type": "websocket.send", "text": _fault(error)})
                    else:
                        await to_server.send(SessionMessage(message))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            tasks.start_soon(read)
            await serve_loop(self._server, server_reads, server_writes, lifespan_state={})
            tasks.cancel_scope.cancel()


def _fault(error: ValidationError) -> str:
    not_json = error.errors(include_url=False)[0]["type"] == "json_invalid"
    code, words = (PARSE_ERROR, "Parse error") if not_json else (INVALID_REQUEST, "Not a JSON-RPC message")
    return rpc_error(None, code, words).decode()
