"""JSON-RPC messages: requests and their replies.

Decoding is typed and partial: only what decides the outcome of a response is read. The result stays raw until
somebody asks for it, because it may take twenty times as much memory decoded. Values are msgspec structs: a
frozen dataclass takes six times as long to create, and every call creates one of each.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from harness import __version__
from harness.foundation.untrusted.nesting import is_deep
from harness.mcp.json_object import JsonObject

Headers = tuple[tuple[str, str], ...]

encode = msgspec.json.Encoder().encode
MEMBERS_BYTES_MAX = 1_000_000  # the most that is decoded as a whole where nothing large is expected
SAID_BYTES_MAX = 65_536

CLIENT_INFO = {"name": "mcp-harness", "version": __version__}


# The requests of a server that a client can answer: method -> function from parameters to result.
Answers = Mapping[str, Callable[[JsonObject], Any]]
NO_ANSWERS: Answers = {}


def rpc(number: int, method: str, params: bytes) -> bytes:
    """A JSON-RPC request around encoded parameters."""
    return b'{"jsonrpc":"2.0","id":%d,"method":%b,"params":%b}' % (number, encode(method), params)


class Request(msgspec.Struct, frozen=True):
    """One HTTP exchange (or WebSocket frame) to make; without an id, only an acknowledgement is expected."""

    operation: str
    body: bytes
    headers: Headers
    id: int | None
    method: str = "POST"
    contains: bytes = b""  # for a GET: bytes that a healthy answer contains
    in_session: bool = False  # after a handshake: the server may send requests, and is told about time-outs
    names_session: bool = False  # in a header or the URL: a 404 means that the session is lost
    expects: "Callable[[Reply], Reply] | None" = None  # decides whether a success is what was expected


class Reply(msgspec.Struct, frozen=True):
    """The result of one request: exactly one outcome."""

    outcome: str
    detail: str = ""
    status: int | None = None
    code: int | None = None
    result: msgspec.Raw | None = None
    session_id: str | None = None
    data: msgspec.Raw | None = None  # the `data` of a JSON-RPC error
    retry_after_s: float | None = None  # the server's Retry-After, in seconds

    def value(self) -> Any:
        """The decoded result; None when there is none, or it cannot be decoded (`decoded`)."""
        return decoded(self.result)

    def error_data(self) -> JsonObject:
        """The `data` object of an error; empty when it is not an object, or too large."""
        small = self.data is not None and memoryview(self.data).nbytes <= MEMBERS_BYTES_MAX
        data = decoded(self.data) if small else None
        return data if isinstance(data, dict) else {}

    def mapping(self, bytes_max: int = MEMBERS_BYTES_MAX) -> JsonObject:
        """The result as a dict; empty when it is not an object, or too large."""
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
    """Any JSON-RPC message; absent members are UNSET."""

    jsonrpc: str | msgspec.UnsetType = msgspec.UNSET
    id: Scalar | msgspec.UnsetType = msgspec.UNSET
    method: str | msgspec.UnsetType = msgspec.UNSET
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: Error | msgspec.UnsetType | None = msgspec.UNSET
    params: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def asks(self) -> bool:
        """Whether the message is a request: it has a method and an id (a text or a number)."""
        return isinstance(self.method, str) and isinstance(self.id, str | int | float)


class ResultFlags(msgspec.Struct):
    """The members of a result that decide the outcome."""

    isError: Scalar = False  # noqa: N815 - the wire's name
    resultType: Scalar = "complete"  # noqa: N815


_decode_message = msgspec.json.Decoder(Message).decode
decode_text = msgspec.json.Decoder(str).decode
decode_flags = msgspec.json.Decoder(ResultFlags).decode

DEPTH_MAX: Final = 200
METHOD_NOT_FOUND = b'"error":{"code":-32601,"message":"Method not found"}'


def parse(data: bytes | bytearray) -> Message | None:
    """The decoded message; None when the bytes are not UTF-8, not JSON, or not an object of this shape."""
    try:
        if not data.isascii():
            data.decode()  # msgspec does not check the parts that it skips
        if len(data) > 2 * DEPTH_MAX and is_deep(data, DEPTH_MAX):
            return None  # depends on how deep the caller's stack is
        return _decode_message(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decoded(raw: msgspec.Raw | None) -> Any:
    """The decoded value of a raw part.

    None when there is none, a number in it is too large for Python, or it is nested too deep to be
    processed."""
    try:
        return None if raw is None or is_deep(bytes(raw), DEPTH_MAX) else msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def answer(message: Message, answers: Answers = NO_ANSWERS) -> bytes:
    """The answer to a server's request: {} for a ping, a result for methods in `answers`, else -32601."""
    member = b'"result":{}' if message.method == "ping" else METHOD_NOT_FOUND
    if isinstance(message.method, str) and message.method in answers:
        member = b'"result":%b' % encode(answers[message.method](_members(message.params)))
    return b'{"jsonrpc":"2.0","id":%b,%b}' % (encode(message.id), member)


def _members(params: msgspec.Raw | msgspec.UnsetType) -> JsonObject:
    """The parameters as a dict; empty when they are not an object."""
    value = decoded(params) if isinstance(params, msgspec.Raw) else None
    return value if isinstance(value, dict) else {}


def cancellation(number: int) -> bytes:
    """The notification that a call was given up; not allowed for `initialize`."""
    params = b'{"requestId":%d,"reason":"timeout"}' % number
    return b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":%b}' % params


def first_text(result: msgspec.Raw) -> str:
    """The first text in a tool's result, which explains a tool error; empty when it is too long to read."""
    if memoryview(result).nbytes > SAID_BYTES_MAX:
        return ""
    try:
        return str(decoded(result)["content"][0]["text"])
    except (KeyError, IndexError, TypeError):
        return ""
