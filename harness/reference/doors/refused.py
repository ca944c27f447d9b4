"""In front of all doors: notes every answer that is a refusal, and trims headers as HTTP demands.

A refusal is an answer with a status of 400 or more; JSON-RPC errors that leave with 200 are noted where they are
made (`streamable`, `conversation`). A request that has its record already says so in its scope: NOTED.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.types import Message, Scope, Send

from harness.reference.doors.wire import NOT_JSON
from harness.reference.refusals import Refusals

NOTED: Final = "harness.noted"
_LOOKED_AT_MAX: Final = 4096  # bytes of an answer: errors are short
_BLANKS: Final = (32, 9)


def watched(scope: Scope, send: Send, door: str, refusals: Refusals) -> Send:
    """Return a `send` that also notes refusals."""
    status = 0

    async def sent(message: Message) -> None:
        nonlocal status
        if "status" in message:
            status = message["status"]
        elif status >= 400:
            if NOTED not in scope:
                code, words = _said(message.get("body", b""))
                words = words or HTTPStatus(status).phrase
                refusals.note(door, words, status=status, code=code, session=_session(scope))
            status = 0  # once
        await send(message)

    return sent


def trimmed(scope: Scope) -> None:
    """Take the blanks from the ends of header values: they are no part of them (RFC 9110, 5.5), but the parser
    of the web server leaves those at the end, and the SDK compares what it is given."""
    headers = scope["headers"]
    if any(value and value[-1] in _BLANKS for _, value in headers):
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in headers]


def _said(body: bytes) -> tuple[int | None, str]:
    """Return code and message of an error, of JSON-RPC or of a page."""
    try:
        answer: Any = msgspec.json.decode(body) if len(body) <= _LOOKED_AT_MAX else None
    except NOT_JSON:
        return None, body.decode(errors="replace")
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return None, str(error or "")
    code = error.get("code")
    return code if isinstance(code, int) else None, str(error.get("message", ""))


def _session(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"mcp-session-id":
            return str(value.decode("latin-1"))
    return None
