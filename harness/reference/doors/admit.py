"""Checks the limits in front of /mcp and /tasks. A client is known by its key, without keys by its address.

Only POST asks for work; other methods pass.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from harness.reference import caller
from harness.reference.admission import Admission, Refusal
from harness.reference.doors.wire import reply, rpc_error


class AdmissionGate:
    """ASGI middleware that refuses calls beyond the limits."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app, self._admission = app, admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if (refusal := self._admission.enter(caller.current().limited_as)) is not None:
            await refuse(send, refusal)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._admission.leave()


async def refuse(send: Send, refusal: Refusal, request_id: object = None) -> None:
    body = rpc_error(request_id, refusal.code, refusal.words)
    await reply(send, refusal.status, body, (b"retry-after", str(refusal.retry_after_s).encode()))
