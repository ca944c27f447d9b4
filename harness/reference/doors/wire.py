"""Helpers of the doors: bodies, bounded in bytes and in time, JSON-RPC errors, whole replies."""

import asyncio
from typing import Any, Final

import msgspec
from mcp_types import INVALID_REQUEST
from starlette.types import Message, Receive, Send

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
BODY_S = 10.0  # for a body, once the head has come

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # errors of decoding a body
encode = msgspec.json.Encoder().encode


class BodyError(ValueError):
    """The body cannot be accepted; `status` is the HTTP status for it."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def read_body(receive: Receive) -> bytes:
    """Return the whole body; raise BodyError if it is too large, or does not come in time."""
    body, whole = b"", False
    try:
        async with asyncio.timeout(BODY_S):
            while not whole:
                body, whole = await _more(body, receive)
    except TimeoutError:
        raise BodyError(408, f"The request body did not come within {BODY_S:g} s") from None
    return body


async def _more(body: bytes, receive: Receive) -> tuple[bytes, bool]:
    """Return the body so far, and whether that is all."""
    message = await receive()
    if message["type"] != "http.request":
        return body, True  # the client is gone, and will not read the answer
    body += message.get("body", b"")
    if len(body) > BODY_BYTES_MAX:
        raise BodyError(413, "Request body too large")
    return body, not message.get("more_body", False)


async def refuse_body(send: Send, error: BodyError) -> None:
    """Refuse a body and close the connection, since the rest of the body may still come."""
    words = rpc_error(None, INVALID_REQUEST, str(error))
    await reply(send, error.status, words, (b"connection", b"close"))


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that returns the body again, then goes on as before."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


async def reply(
    send: Send,
    status: int,
    body: bytes,
    *headers: tuple[bytes, bytes],
    kind: bytes = b"application/json",
    scope_type: str = "http",
) -> None:
    """Send one whole answer; to a WebSocket request, this refuses to open it."""
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    to = "http.response" if scope_type == "http" else "websocket.http.response"
    await send({"type": f"{to}.start", "status": status, "headers": [*own, *headers]})
    await send({"type": f"{to}.body", "body": body})


def rpc_error(request_id: Any, code: int, message: str) -> bytes:
    """Return a JSON-RPC error as bytes; `request_id` is None when it could not be read."""
    error = {"code": code, "message": message}
    return encode({"jsonrpc": "2.0", "id": request_id, "error": error})
