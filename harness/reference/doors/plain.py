"""/mcp/tools/call: plain JSON-RPC, one POST a call, no handshake and no session.

    {"jsonrpc": "2.0", "id": 1, "method": TOOL, "params": {…arguments…, "_client_id": "optional"}}

`method` is the tool; `_client_id` names the client whose turn it is. The answer is a JSON-RPC result in the
form of MCP's tools/call, or a JSON-RPC error with status 200; only a body that is not JSON-RPC at all has
status 400. A call without an id is refused: it would be a notification, and these calls exist for their
answers.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec
from mcp_types import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR
from starlette.types import Receive, Scope, Send

from harness.reference.admission import Admission
from harness.reference.caller import Caller, acting, current
from harness.reference.doors.admit import refuse
from harness.reference.doors.wire import NOT_JSON, BodyError, encode, read_body, refuse_body, reply, rpc_error
from harness.reference.executions import BAD_ARGUMENTS, UNKNOWN_TOOL
from harness.reference.json_object import JsonObject
from harness.reference.pipeline import Pipeline

_CODES = {UNKNOWN_TOOL: METHOD_NOT_FOUND, BAD_ARGUMENTS: INVALID_PARAMS}  # the rest is a result with isError
NAME_MAX: Final = 200
_decode = msgspec.json.Decoder().decode


class PlainDoor:
    """An ASGI application; see the module."""

    def __init__(self, pipeline: Pipeline, admission: Admission) -> None:
        self._pipeline, self._admission = pipeline, admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await reply(send, 405, b"", (b"allow", b"POST"))
            return
        try:
            body = await read_body(receive)
        except BodyError as error:
            await refuse_body(send, error)
            return
        try:
            message = _decode(body)
        except NOT_JSON as error:
            await reply(send, 400, rpc_error(None, PARSE_ERROR, f"Parse error: {error}"))
            return
        if (fault := _fault(message)) is not None:
            await reply(send, 400, rpc_error(_id_of(message), INVALID_REQUEST, fault))
            return
        params = message.get("params") or {}
        with acting(_named(params)):
            if (refusal := self._admission.enter(current().limited_as)) is not None:
                await refuse(send, refusal, message["id"])
                return
            try:
                answer = await self._answer(message["id"], message["method"], params)
            finally:
                self._admission.leave()
        await reply(send, 200, answer)

    async def _answer(self, request_id: Any, tool: str, params: Any) -> bytes:
        if not isinstance(params, dict):
            return rpc_error(request_id, INVALID_PARAMS, "params must be an object of arguments by name.")
        arguments = {name: value for name, value in params.items() if name != "_client_id"}
        outcome = await self._pipeline.execute("plain", tool, arguments)
        if (code := _CODES.get(outcome.kind)) is not None:
            return rpc_error(request_id, code, outcome.text)
        result: JsonObject = {
            "content": [{"type": "text", "text": outcome.text}],
            "isError": outcome.is_error,
        }
        if outcome.value is not None:
            result["structuredContent"] = msgspec.Raw(outcome.text.encode())  # the same text: not made twice
        return encode({"jsonrpc": "2.0", "id": request_id, "result": result})


def _named(params: Any) -> Caller:
    """Return the present caller with the name it gives itself; a registered client keeps its own."""
    who = current()
    name = params.get("_client_id") if isinstance(params, dict) else None
    return replace(who, name=name[:NAME_MAX]) if isinstance(name, str) and who.client is None else who


def _fault(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "The body must be one JSON-RPC object."
    if message.get("jsonrpc") != "2.0" or not isinstance(message.get("method"), str):
        return 'A JSON-RPC request has "jsonrpc": "2.0" and a method.'
    if _id_of(message) is None:
        return "The request needs an id: text or a whole number."
    return None


def _id_of(message: Any) -> Any:
    request_id = message.get("id") if isinstance(message, dict) else None
    return request_id if type(request_id) in {int, str} else None
