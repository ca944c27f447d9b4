"""What the doors share: bounded bodies, JSON-RPC errors, whole replies."""

from typing import Any

import msgspec
from starlette.types import Message, Receive, Send

BODY_BYTES_MAX = 4 * 1024 * 1024

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding a body may raise
encode = msgspec.json.Encoder().encode


class TooLargeError(ValueError):
    """The body is larger than BODY_BYTES_MAX."""


async def read_body(receive: Receive, at_most: int) -> bytes:
    """The whole body; what the client sends beyond the limit is not kept."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body  # the client is gone: nobody will read the answer to half a body
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > at_most:
            raise TooLargeError
        if not message.get("more_body", False):
            return body


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
