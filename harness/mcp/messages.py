"""JSON-RPC messages: what is sent, and what came of it.

Decoding is typed and partial: of a response only what decides its outcome is read, the result stays raw until
somebody asks for it: what is large on the wire may be twenty times as large in memory. Values are msgspec's structs instead of dataclasses: a frozen dataclass costs six times as
much to make, and one of each is made for every call.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from harness import __version__
from harness.foundation.untrusted.nesting import is_deep
from harness.mcp.json_object import JsonObject

Headers = tuple[tuple[str, str], ...]

encode = msgspec.json.Encoder().encode
MEMBERS_BYTES_MAX = 1_000_000  # of what is decoded as a whole, where nothing large is due
SAID_BYTES_MAX = 65_536

CLIENT_INFO = {"name": "mcp-harness", "version": __version__}


# What a client can do for a server: a method, and the result for its parameters.
Answers = Mapping[str, Callable[[JsonObject], Any]]
NO_ANSWERS: Answers = {}


def rpc(number: int, method: str, params: bytes) -> bytes:
    """A JSON-RPC request around encoded parameters."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (number, encode(method), params)


class Request(msgspec.Struct, frozen=True):
    """One HTTP exchange (or WebSocket frame) to make; without an id nothing but an acknowledgement is due."""

    operation: str
    body: bytes
    headers: Headers
    id: int | None
    method: str = "POST"
    contains: bytes = b""  # of a GET: what a healthy answer has in it
    in_session: bool = False  # after a handshake: the server may ask in mid-stream, and is told of time-outs
    names_session: bool = False  # by header or by address: a 404 says that it is lost


class Reply(msgspec.Struct, frozen=True):
    """What came of a request: exactly one outcome."""

    outcome: str
    detail: str = ""
    status: int | None = None
    code: int | None = None
    result: msgspec.Raw | None = None
    session_id: str | None = None
    data: msgspec.Raw | None = None  # what an error brought along
    retry_after_s: float | None = None  # how long the server asks to be left alone

    def value(self) -> Any:
        """The result, decoded; None when there is none, or none that can be held (`decoded`)."""
        return decoded(self.result)

    def error_data(self) -> JsonObject:
        """The members of what an error brought along; empty when that is anything but an object, or large."""
        small = self.data is not None and memoryview(self.data).nbytes <= MEMBERS_BYTES_MAX
        data = decoded(self.data) if small else None
        return data if isinstance(data, dict) else {}

    def mapping(self, bytes_max: int = MEMBERS_BYTES_MAX) -> JsonObject:
        """The result's members; empty when it is anything but an object, or larger than that."""
        if self.result is not None and memoryview(self.result).nbytes > bytes_max:
            return {}
        value = self.value()
        return value if isinstance(value, dict) else {}


Scalar = bool | int | float | str | None  # takes no more memory than it does on the wire
NOTHING_SAID = msgspec.Raw(b'""')


class Error(msgspec.Struct):
    """A JSON-RPC error."""

    code: int
    message: msgspec.Raw = NOTHING_SAID
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # with None instead, msgspec takes nothing but null


class Message(msgspec.Struct):
    """Any JSON-RPC message; what is absent is UNSET."""

    jsonrpc: str | msgspec.UnsetType = msgspec.UNSET
    id: Scalar | msgspec.UnsetType = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Error | msgspec.UnsetType | None = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def asks(self) -> bool:
        """It wants an answer; an id is a text or a number."""
        return isinstance(self.method, str) and isinstance(self.id, str | int | float)


class ResultFlags(msgspec.Struct):
    """What of a result decides the outcome."""

    isError: Scalar = False  # noqa: N815 - the wire's name
    resultType: Scalar = "complete"  # noqa: N815


_decode_message = msgspec.json.Decoder(Message).decode
decode_text = msgspec.json.Decoder(str).decode
decode_flags = msgspec.json.Decoder(ResultFlags).decode

DEPTH_MAX: Final = 200
METHOD_NOT_FOUND = b'"error":{"code":-32601,"message":"Method not found"}'


def parse(data: bytes | bytearray) -> Message | None:
    """A message; None when these bytes are none: not UTF-8, not JSON, not an object of the right shape."""
    try:
        if not data.isascii():
            data.decode()  # msgspec passes over what it need not read
        if len(data) > 2 * DEPTH_MAX and is_deep(data, DEPTH_MAX):
            return None  # however deep the stack is that this is called from
        return _decode_message(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decoded(raw: msgspec.Raw | None) -> Any:
    """The value of a part that was left raw; None when there is none, a number in it is beyond what Python can hold, or
    it is nested deeper than whoever walks through it could go."""
    try:
        return None if raw is None or is_deep(bytes(raw), DEPTH_MAX) else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def answer(message: Message, answers: Answers = NO_ANSWERS) -> bytes:
    """What a client says to a server's request: a ping is answered with {}, what it can do with that, else -32601."""
    said = b'"result":{}' if message.method == "ping" else METHOD_NOT_FOUND
    if isinstance(message.method, str) and message.method in answers:
        said = b'"result":%b' % encode(answers[message.method](_members(message.params)))
    return b'{"jsonrpc":"2.0","id":%b,%b}' % (encode(message.id), said)


def _members(params: msgspec.Raw | msgspec.UnsetType) -> JsonObject:
    """Parameters by name; none when they are anything but an object."""
    found = decoded(params) if isinstance(params, msgspec.Raw) else None
    return found if isinstance(found, dict) else {}


def cancellation(number: int) -> bytes:
    """The word that a call was given up; `initialize` may not be."""
    said = b'{"requestId":%d,"reason":"timeout"}' % number
    return b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":%b}' % said


def first_text(result: msgspec.Raw) -> str:
    """The first text of a tool's result: what a failing tool had to say, unless it goes on and on."""
    if memoryview(result).nbytes > SAID_BYTES_MAX:
        return ""
    try:
        return str(decoded(result)["content"][0]["text"])
    except (KeyError, IndexError, TypeError):
        return ""
