"""JSON-RPC messages: what is sent, and what came of it.

Decoding is typed and partial: of a response only what decides its outcome is read, the result stays raw until
somebody asks for it.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from harness import __version__

Headers = tuple[tuple[str, str], ...]

encode = msgspec.json.Encoder().encode

CLIENT_INFO = {"name": "mcp-harness", "version": __version__}


def rpc(number: int, method: str, params: bytes) -> bytes:
    """A JSON-RPC request around encoded parameters."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (number, encode(method), params)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP exchange (or WebSocket frame) to make; without an id nothing but an acknowledgement is due."""

    operation: str
    body: bytes
    headers: Headers
    id: int | None
    method: str = "POST"
    contains: bytes = b""  # of a GET: what a healthy answer has in it


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: exactly one outcome."""

    outcome: str
    detail: str = ""
    status: int | None = None
    code: int | None = None
    result: msgspec.Raw | None = None
    session_id: str | None = None

    def value(self) -> Any:
        """The result, decoded; None when there is none."""
        return msgspec.json.decode(self.result) if self.result is not None else None


class Error(msgspec.Struct):
    """A JSON-RPC error."""

    code: int
    message: str = ""


class Message(msgspec.Struct):
    """Any JSON-RPC message; what is absent is UNSET."""

    jsonrpc: str | msgspec.UnsetType = msgspec.UNSET
    id: Any = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Error | msgspec.UnsetType | None = msgspec.UNSET


class ResultFlags(msgspec.Struct):
    """What of a result decides the outcome."""

    isError: bool = False  # noqa: N815 - the wire's name
    resultType: str = "complete"  # noqa: N815


decode_message = msgspec.json.Decoder(Message).decode
decode_flags = msgspec.json.Decoder(ResultFlags).decode


def first_text(result: msgspec.Raw) -> str:
    """The first text of a tool's result: what a failing tool had to say."""
    try:
        content = msgspec.json.decode(result)["content"]
        return str(content[0]["text"])
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return ""
