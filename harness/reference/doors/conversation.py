"""The messages on one WebSocket: which are admitted, how they are answered, and their session."""

import asyncio
from collections import Counter
from typing import Any, Final

from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    PARSE_ERROR,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError
from starlette.types import Send

from harness.reference.abandoned_calls import Wish
from harness.reference.admission import Admission
from harness.reference.caller import Caller, acting, within
from harness.reference.doors.opening import client_of
from harness.reference.doors.wire import rpc_error
from harness.reference.refusals import Refusals
from harness.reference.sessions import SessionStore, StoreUnreachableError
from harness.reference.sockets import Socket

SESSION_META: Final = "harness/session"
SESSION_OVER: Final = 4404
RESUMING: Final = "harness-resumes"  # the id of the initialize that we send for a client that resumes


class Conversation:
    """The conversation on one WebSocket; see the module."""

    def __init__(
        self,
        store: SessionStore,
        admission: Admission,
        refusals: Refusals,
        socket: Socket,
        send: Send,
        agent: str,
    ) -> None:
        self._store, self._admission, self._refusals = store, admission, refusals
        self._socket, self._send, self._agent = socket, send, agent
        self._opening: JSONRPCRequest | None = None
        self._open: Counter[str | int] = Counter()  # the client chooses the ids, and may use one twice
        self._touched: Counter[str | int] = Counter()  # open requests that the session store has counted
        self._wishes: dict[str | int, Wish] = {}  # for each open request
        self._answered = asyncio.Event()
        self.is_over = False

    @property
    def caller(self) -> Caller:
        return self._socket.caller

    async def admitted(self, frame: str | bytes) -> JSONRPCMessage | None:
        """Return the message, or None if it was answered here."""
        try:
            message = jsonrpc_message_adapter.validate_json(frame, by_name=False)
        except ValidationError as error:
            code, words = _fault(error)
            self.refused(words, code=code)
            await self._say(rpc_error(None, code, words))
            return None
        if not isinstance(message, JSONRPCRequest):
            return message
        if (refusal := self._admission.enter(self.caller.limited_as)) is not None:
            self.refused(refusal.words, status=refusal.status, code=refusal.code)
            await self._say(rpc_error(message.id, refusal.code, refusal.words))
            return None
        self._open[message.id] += 1
        if self.caller.session is not None:
            return await self._in_session(message, self.caller.session)
        if message.method == "initialize":
            self._opening = message
        return message

    def heard(self, message: JSONRPCMessage) -> Wish:
        """Return the client's wish for this message, which a later notification may change."""
        if isinstance(message, JSONRPCRequest):
            return self._wishes.setdefault(message.id, Wish())
        if isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            meant = (message.params or {}).get("requestId")
            if isinstance(meant, str | int) and (wish := self._wishes.get(meant)) is not None:
                wish.stop = True
                self._ended(meant)  # it gets no answer
        return Wish()

    def refused(self, words: str, *, status: int | None = None, code: int | None = None) -> None:
        """Note a refusal here, since it leaves without an HTTP status."""
        with acting(self.caller):
            self._refusals.note("websocket", words, status=status, code=code)

    async def answer(self, message: Any) -> None:
        """Send the server's answer, but not the one to our own initialize for a client that resumes."""
        is_answer = isinstance(message, JSONRPCResponse | JSONRPCError)
        if is_answer and message.id == RESUMING:
            return
        if is_answer and self._opening is not None and message.id == self._opening.id:
            await self._begin(message)
        await self._say(message.model_dump_json(by_alias=True, exclude_unset=True).encode())
        if is_answer:
            self._ended(message.id)

    async def notify(self) -> None:
        """Send notifications while the connection lasts."""
        while True:
            await self._send(await self._socket.outbox.get())

    async def all_answered(self) -> None:
        while self._open:
            self._answered.clear()
            await self._answered.wait()

    def end(self) -> None:
        """End all open requests: the connection is gone."""
        for request_id in list(self._open.elements()):
            self._ended(request_id)

    async def _in_session(self, message: JSONRPCRequest, session: str) -> JSONRPCMessage | None:
        try:
            alive = await self._store.touch(session, self.caller.client)
        except StoreUnreachableError as error:
            words = f"The session store does not answer: {error}"
            self.refused(words, status=503, code=INTERNAL_ERROR)
            await self._say(rpc_error(message.id, INTERNAL_ERROR, words))
            self._ended(message.id)
            return None
        if alive:
            self._touched[message.id] += 1
            return message
        self.is_over = True
        self.refused("Session not found", status=404, code=INVALID_REQUEST)
        await self._say(rpc_error(message.id, INVALID_REQUEST, "Session not found"))
        await self._send({"type": "websocket.close", "code": SESSION_OVER, "reason": "Session not found"})
        return None

    async def _begin(self, message: Any) -> None:
        """Open a session after a successful initialize, if the store answers."""
        opening, self._opening = self._opening, None
        if opening is None or not isinstance(message, JSONRPCResponse):
            return
        client = client_of(opening.model_dump(), self.caller.client, self._agent)
        if client is None:
            return
        try:
            session = await self._store.open(client)
        except StoreUnreachableError:
            return  # it is served without a session, while it stays connected
        with acting(self.caller):
            self._socket.caller = within(session)
        message.result["_meta"] = {**message.result.get("_meta", {}), SESSION_META: session}

    def _ended(self, request_id: Any) -> None:
        if self._open.get(request_id, 0):
            self._open[request_id] -= 1
            self._open = +self._open
            self._wishes.pop(request_id, None)
            self._admission.leave()
            self._answered.set()
        if self._touched.get(request_id, 0) and self.caller.session is not None:
            self._touched[request_id] -= 1
            self._touched = +self._touched
            self._store.leave(self.caller.session, self.caller.client)

    async def _say(self, text: bytes) -> None:
        await self._send({"type": "websocket.send", "text": text.decode()})


def _fault(error: ValidationError) -> tuple[int, str]:
    not_json = error.errors(include_url=False)[0]["type"] == "json_invalid"
    return (PARSE_ERROR, "Parse error") if not_json else (INVALID_REQUEST, "Not a JSON-RPC message")
