"""Checks the bearer key in front of every door when authentication is on.

    Authorization: Bearer mcp_…

Without a valid one: 401 (on a WebSocket too, before it opens). All code behind it knows the caller
(`caller`). /health is open: it only says whether the service works, and health probes have no keys.
"""

from typing import Final, Protocol

from mcp_types import INTERNAL_ERROR
from starlette.types import ASGIApp, Receive, Scope, Send

from harness.reference.caller import Caller, acting
from harness.reference.clients import ClientsUnreachableError
from harness.reference.doors.wire import reply, rpc_error

UNAUTHORIZED: Final = -32001
OPEN: Final = frozenset({"/health"})
_CHALLENGE = (b"www-authenticate", b"Bearer")


class Keys(Protocol):
    """Finds the caller of a key."""

    async def caller(self, key: str) -> Caller | None:
        """Return whose key this is; None for an unknown key."""
        ...


class KeyGuard:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, clients: Keys) -> None:
        self._app, self._clients = app, clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            caller = await self._clients.caller(_bearer(scope))
        except ClientsUnreachableError as error:
            await _refuse(scope, send, 503, INTERNAL_ERROR, f"Keys cannot be verified now: {error}")
            return
        if caller is None:
            words = "A registered client's key is needed: Authorization: Bearer KEY"
            await _refuse(scope, send, 401, UNAUTHORIZED, words)
            return
        with acting(caller):
            await self._app(scope, receive, send)


def _bearer(scope: Scope) -> str:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    kind, _, key = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    return key.strip() if kind.lower() == "bearer" else ""


async def _refuse(scope: Scope, send: Send, status: int, code: int, words: str) -> None:
    headers = (_CHALLENGE,) if status == 401 else ()
    await reply(send, status, rpc_error(None, code, words), *headers, scope_type=scope["type"])
