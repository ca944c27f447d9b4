"""What the doors share: bodies, bounded in bytes and in time, JSON-RPC errors, whole replies."""

import asyncio
from typing import Any, Final

import msgspec
from mcp_types import INVALID_REQUEST
from starlette.types import Message, Receive, Send

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
BODY_S = 10.0  # for a body, once the head has come

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding a body may raise
encode = msgspec.json.Encoder().encode


class BodyError(ValueError):
    """The body cannot be taken; `status` says why to HTTP."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def read_body(receive: Receive) -> bytes:
    """The whole body; of one that is too large no more is kept, and one that does not come is not waited for."""
    body, whole = b"", False
    try:
        async with asyncio.timeout(BODY_S):
            while not whole:
                body, whole = await _more(body, receive)
    except TimeoutError:
        raise BodyError(408, f"The request body did not come within {BODY_S:g} s") from None
    return body


async def _more(body: bytes, receive: Receive) -> tuple[bytes, bool]:
    """The body as far as it has come, and whether that is all."""
    message = await receive()
    if message["type"] != "http.request":
        return body, True  # the client is gone: nobody will read the answer to half a body
    body += message.get("body", b"")
    if len(body) > BODY_BYTES_MAX:
        raise BodyError(413, "Request body too large")
    return body, not message.get("more_body", False)


async def refuse_body(send: Send, error: BodyError) -> None:
    """The rest of that body may still come, so this is the last answer on its connection."""
    words = rpc_error(None, INVALID_REQUEST, str(error))
    await reply(send, error.status, words, (b"connection", b"close"))


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, then goes on as before."""
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
    """One whole answer; to one who wanted a WebSocket it is the refusal to open it."""
    own = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    to = "http.response" if scope_type == "http" else "websocket.http.response"
    await send({"type": f"{to}.start", "status": status, "headers": [*own, *headers]})
    await send({"type": f"{to}.body", "body": body})


def rpc_error(request_id: Any, code: int, message: str) -> bytes:
    """A JSON-RPC error as bytes; `request_id` is None when it could not be read."""
    error = {"code": code, "message": message}
    return encode({"jsonrpc": "2.0", "id": request_id, "error": error})
