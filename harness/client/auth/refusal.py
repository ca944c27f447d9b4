"""The error for a server that answers 401 or 403: what it asks for, where its metadata is, and the flag to give.

The status alone does not tell; so the request is made once more, and its WWW-Authenticate is read.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from harness.client.http import http_client
from harness.foundation.errors import UsageError
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable
from harness.mcp import challenge
from harness.mcp.challenge import Challenge
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.messages import Reply
from harness.mcp.outcome import UNAUTHORIZED_STATUSES

WORD_CHARS: Final = 200
SCHEMES_MOST: Final = 4
FORBIDDEN: Final = 403
BEARER: Final = "-H 'Authorization: Bearer ${TOKEN}'"
WHAT_TO_GIVE: Final = {
    "oauth": "Give a client: --auth 'oauth:client_id=ID,client_secret=${SECRET}'; or a token that you have: --auth 'bearer:${TOKEN}'. docs/auth.md tells of both",
    "bearer": "Give a token: --auth 'bearer:${TOKEN}', or --auth 'command:PROGRAM ...' that prints one (docs/auth.md)",
    "basic": "Give user and password: -H 'Authorization: Basic ${BASIC}', with both in base64 in the variable (docs/auth.md)",
    "": f"Give what it asks for, such as {BEARER} (docs/auth.md)",
}


class UnauthorizedError(UsageError):
    """The server wants to know who asks, or does not let this one in."""

    reply: Reply


async def explained(
    url: str, refused: UnauthorizedError, headers: Mapping[str, str], timeout_s: float
) -> UnauthorizedError:
    """The same error, with what the server says that it wants."""
    return error(url, refused.reply, await _asked_for(url, headers, timeout_s), sent=_is_sent(url, headers))


def _is_sent(url: str, headers: Mapping[str, str]) -> bool:
    return "@" in urlsplit(url).netloc or any(name.lower() == "authorization" for name in headers)


async def _asked_for(url: str, headers: Mapping[str, str], timeout_s: float) -> tuple[Challenge, ...]:
    """Make the first request of a session; return what the server asks for."""
    if not url.startswith(("http://", "https://")):
        url = f"http{url.removeprefix('ws')}"
    async with http_client(url, timeout_s, headers) as client:
        head = await client.head(next(HandshakeSession().opening()))
    if head is None or head.status not in UNAUTHORIZED_STATUSES:
        return ()
    return challenge.challenges(head.headers.get("www-authenticate", ""))


def error(
    url: str, reply: Reply, offered: tuple[Challenge, ...] = (), *, sent: bool = False
) -> UnauthorizedError:
    """The error; `sent`: credentials were sent, and did not do."""
    shown = redact.url(url)
    bearer = challenge.bearer(offered)
    refused = f"It answered {_word(reply.detail or str(reply.status))}"
    if reply.status == FORBIDDEN:
        what = f"The server at {shown} does not let this client in"
    elif sent:
        what = f"The server at {shown} does not accept the credentials that were sent"
    else:
        what = f"The server at {shown} asks for authorization"
    why = [refused, *_schemes(offered), *_metadata(bearer), *_reason(bearer)]
    made = UnauthorizedError(what, "; ".join(why), _todo(offered, bearer, sent=sent))
    made.reply = reply
    return made


def _schemes(offered: tuple[Challenge, ...]) -> list[str]:
    if not offered:
        return ["it does not say what it wants (no WWW-Authenticate)"]
    names = ", ".join(_word(each.scheme) for each in offered[:SCHEMES_MOST])
    return [f"it wants {names}"]


def _metadata(bearer: Challenge | None) -> list[str]:
    where = bearer.parameters.get("resource_metadata", "") if bearer is not None else ""
    return [f"its metadata is at {_word(redact.url(where))}"] if where else []


def _reason(bearer: Challenge | None) -> list[str]:
    if bearer is None:
        return []
    texts = [bearer.parameters.get(name, "") for name in ("error", "error_description")]
    words = ": ".join(_word(each) for each in texts if each)
    scope = bearer.parameters.get("scope", "")
    return [*([f"it says {words}"] if words else []), *([f"scope {_word(scope)}"] if scope else [])]


def _todo(offered: tuple[Challenge, ...], bearer: Challenge | None, *, sent: bool) -> str:
    if sent:
        return "Check that they are meant for this server, and not expired (docs/auth.md)"
    if bearer is not None:
        return WHAT_TO_GIVE["oauth" if "resource_metadata" in bearer.parameters else "bearer"]
    return WHAT_TO_GIVE["basic" if any(each.scheme.lower() == "basic" for each in offered) else ""]


def _word(text: str) -> str:
    return printable(hide(text), WORD_CHARS)
