"""Keeps the sessions of the handshake era in front of the SDK at /mcp, in a SessionStore.

The SDK runs stateless, so it asks for no session and forgets everything after each request; that is what lets
any process serve any session, also after a restart. The protocol's rules on sessions are kept here instead:

  POST initialize                 200 with a new `mcp-session-id`
  POST with a live session        passed on, and the session extended
  POST with any other             404: the client must initialize again
  POST with none                  400
  DELETE                          200 and closed, or 404
  GET                             405: a stateless server has nothing to say unasked

A request whose MCP-Protocol-Version is not of the handshake era has no session: it is passed on untouched.
"""

from typing import Any, Final

import msgspec
from mcp_types import INTERNAL_ERROR, INVALID_REQUEST
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.reference import ids
from harness.reference.caller import acting, current, within
from harness.reference.doors.opening import agent_of, client_of
from harness.reference.doors.wire import (
    NOT_JSON,
    BodyError,
    read_body,
    refuse_body,
    replayed,
    reply,
    rpc_error,
)
from harness.reference.sessions import Client, SessionStore, StoreUnreachableError

SESSION_HEADER: Final = b"mcp-session-id"
VERSION_HEADER: Final = b"mcp-protocol-version"
_HANDSHAKE: Final = frozenset(version.encode() for version in HANDSHAKE_PROTOCOL_VERSIONS)


class SessionGate:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, store: SessionStore) -> None:
        self._app, self._store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version = session = None
        for name, value in scope["headers"]:
            if name == VERSION_HEADER:
                version = value
            elif name == SESSION_HEADER:
                session = value.decode("latin-1")
        if version is not None and version not in _HANDSHAKE:
            await self._app(scope, receive, send)
            return
        try:
            await self._handshake_era(session, scope, receive, send)
        except StoreUnreachableError as error:
            await reply(
                send, 503, rpc_error(None, INTERNAL_ERROR, f"The session store does not answer: {error}")
            )

    async def _handshake_era(self, session: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        if method not in {"POST", "DELETE"}:
            await reply(send, 405, b"", (b"allow", b"POST, DELETE"))
        elif session is None:
            await self._without_session(method, scope, receive, send)
        elif not ids.can_be(session):
            await _not_found(send)
        elif method == "DELETE":
            closed = await self._store.close(session, current().client)
            await (reply(send, 200, b"") if closed else _not_found(send))
        elif await self._store.touch(session, owner := current().client):
            try:
                with acting(within(session)):
                    await self._app(scope, receive, _named(send, session))
            finally:
                self._store.leave(session, owner)
        else:
            await _not_found(send)

    async def _without_session(self, method: str, scope: Scope, receive: Receive, send: Send) -> None:
        if method == "DELETE":
            await reply(send, 400, rpc_error(None, INVALID_REQUEST, "Missing session ID"))
            return
        try:
            body = await read_body(receive)
        except BodyError as error:
            await refuse_body(send, error)
            return
        message = _decoded(body)
        if isinstance(message, dict) and message.get("method") != "initialize":
            await reply(send, 400, rpc_error(None, INVALID_REQUEST, "Missing session ID"))
            return
        # The SDK refuses what is not JSON-RPC at all: it has the right error.
        client = client_of(message, current().client, agent_of(scope))
        onward = replayed(body, receive)
        await self._app(scope, onward, self._opening(send, client) if client else send)

    def _opening(self, send: Send, client: Client) -> Send:
        """Open the session when the SDK has accepted the initialize, before the first byte goes out."""

        async def opening(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                session = await self._store.open(client)
                message = _with_session(message, session)
            await send(message)

        return opening


async def _not_found(send: Send) -> None:
    await reply(send, 404, rpc_error(None, INVALID_REQUEST, "Session not found"))


def _named(send: Send, session: str) -> Send:
    async def named(message: Message) -> None:
        await send(_with_session(message, session) if message["type"] == "http.response.start" else message)

    return named


def _with_session(message: Message, session: str) -> Message:
    return {**message, "headers": [*message.get("headers", ()), (SESSION_HEADER, session.encode())]}


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except NOT_JSON:
        return None
