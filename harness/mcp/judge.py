"""Decide the outcome of a complete message or body: the second half of the order in `outcome`.

    ... JSON -> JSON-RPC shape -> id -> error -> isError

The id must be ours and a number, as we sent it: "1" is no answer to 1.
"""

from typing import Final

import msgspec

from harness.mcp import outcome
from harness.mcp.messages import Error, Message, Reply, decode_flags, decode_text, first_text, parse

DETAIL_CHARS: Final = 120
CODE_MAX: Final = 2**31 - 1  # the largest code that a row can hold
REJECTED_CODES: Final = frozenset({-32020, -32021, -32022})
# Error codes with which a server may reply to our id and still mean the session, not the call.
SESSION_CODES: Final = frozenset({-32600, -32000, -32001})


def judge_response(
    message: Message, expected_id: int | None, status: int | None, session_id: str | None
) -> Reply:
    """Check JSON-RPC shape, id, error and isError, in this order; the same for every transport."""
    result, error = message.result, message.error
    if message.jsonrpc != "2.0" or (isinstance(result, msgspec.UnsetType) and not error):
        return Reply(outcome.BAD_BODY, "neither result nor error", status, session_id=session_id)
    if not _same_id(message.id, expected_id):
        return Reply(outcome.ID_MISMATCH, _other_id(message), status, session_id=session_id)
    if error:
        return Reply(outcome.RPC_ERROR, _said(message), status, _code(message), session_id=session_id)
    assert isinstance(result, msgspec.Raw)
    try:
        flags = decode_flags(result)
    except msgspec.DecodeError:  # a result that is no object: not a tool's
        return Reply(outcome.OK, "", status, None, result, session_id)
    except RecursionError:
        return Reply(outcome.BAD_BODY, "nested too deep", status, session_id=session_id)
    if flags.isError is True:
        return Reply(outcome.TOOL_ERROR, printable(first_text(result)), status, None, result, session_id)
    if flags.resultType == "input_required":
        return Reply(outcome.INPUT_REQUIRED, "", status, None, result, session_id)
    return Reply(outcome.OK, "", status, None, result, session_id)


def judge_refusal(
    body: bytes | bytearray, expected_id: int | None, status: int, session_id: str | None, *, in_session: bool
) -> Reply:
    """Judge a status other than 200: rate limit, no authorization, session lost, our mistake, or a JSON-RPC error."""
    if status == 429:
        return Reply(outcome.RATE_LIMITED, "429", status, session_id=session_id)
    message = parse(body)
    code = _code(message) if message is not None else None
    if status in outcome.UNAUTHORIZED_STATUSES:
        reason = _said(message) if message is not None and code is not None else ""
        return Reply(
            outcome.UNAUTHORIZED,
            printable(f"{status} {reason}".rstrip()),
            status,
            code,
            session_id=session_id,
        )
    ours = message is not None and code is not None and _same_id(message.id, expected_id) and status >= 400
    if in_session and _is_session_lost(status, body, code if ours else None):
        return Reply(outcome.SESSION_LOST, f"{status}", status, code, session_id=session_id)
    if message is None or code is None:
        return Reply(outcome.HTTP_STATUS, f"{status}", status, session_id=session_id)
    text = _said(message)
    if status == 400 and code in REJECTED_CODES:
        return Reply(outcome.REJECTED, text, status, code, None, session_id, _data(message))
    if ours:
        return Reply(outcome.RPC_ERROR, text, status, code, session_id=session_id)
    return Reply(outcome.HTTP_STATUS, printable(f"{status} {text}"), status, code, session_id=session_id)


def _is_session_lost(status: int, body: bytes | bytearray, code_for_us: int | None) -> bool:
    """Whether the session is lost: status 404, or a 400 that names the session and is not about our call."""
    if status == 404:
        return True
    named = status == 400 and b"session" in body[:2000].lower()
    return named and (code_for_us is None or code_for_us in SESSION_CODES)


def printable(text: str) -> str:
    """The server's text for a table: at most `DETAIL_CHARS` characters, one line, no control characters."""
    text = text[:DETAIL_CHARS]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _same_id(number: object, expected: int | None) -> bool:
    return type(number) is int and number == expected


def _other_id(message: Message) -> str:
    """Say what came instead; an error without an id may answer a notification, which nothing may answer."""
    if message.error and message.id is None:
        return f"an error without an id: {_said(message)}"
    return "an answer to another id"


def _said(message: Message) -> str:
    try:
        text = decode_text(message.error.message) if isinstance(message.error, Error) else ""
    except (msgspec.DecodeError, RecursionError):  # anything but a text
        return ""
    return printable(text)


def _data(message: Message) -> msgspec.Raw | None:
    data = message.error.data if isinstance(message.error, Error) else None
    return data if isinstance(data, msgspec.Raw) else None


def _code(message: Message) -> int | None:
    error = message.error
    if not isinstance(error, Error):
        return None
    return max(-CODE_MAX, min(error.code, CODE_MAX))
