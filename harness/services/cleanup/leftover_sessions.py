"""End sessions that a verification opened and could not end itself; the standard library is enough.

    {"what": "session", "at": "http://127.0.0.1:8000", "connect": "127.0.0.1", "path": "/mcp", "headers": {...}, "version": "2025-11-25", "session": "..."}

Whoever knows the id of a session can speak in it, so the file holds it sealed with a key that stands in the environment (`KEY`), which the janitor inherits.
A server that cannot be reached, or lets nobody end a session, is left alone: it forgets sessions itself.
"""

import hashlib
import hmac
import http.client
import os
import secrets
from collections.abc import Mapping
from typing import Any, Final

from harness.services.cleanup.leftover_calls import SESSION_HEADER, connected, filled_in

SESSION: Final = "session"
KEY: Final = "HARNESS_VERIFY_KEY"
VERSION_HEADER: Final = "MCP-Protocol-Version"
_SILENT: Final[set[str]] = set()  # servers that did not answer: they are not asked again


def undo_session(data: Mapping[str, Any]) -> str | None:
    """Ask once; return a problem only where nobody could ask."""
    key, at = os.environ.get(KEY), str(data["at"])
    if not key:
        return f"its id is not known any more: {at} has to forget it by itself"
    if at in _SILENT:
        return None
    headers = {name: filled_in(str(text)) for name, text in data["headers"].items()}
    headers |= {SESSION_HEADER: unsealed(str(data["session"]), key), VERSION_HEADER: str(data["version"])}
    try:
        with connected(data) as connection:
            connection.request("DELETE", filled_in(str(data["path"])), None, headers)
            connection.getresponse()
    except (OSError, ValueError, http.client.HTTPException):
        _SILENT.add(at)
    return None


def sealed(text: str, key: str) -> str:
    """The text as it may be written down; each time another one."""
    nonce = secrets.token_bytes(16)
    return (nonce + _mixed(text.encode(), nonce, key)).hex()


def unsealed(text: str, key: str) -> str:
    """The text that was sealed with this key."""
    whole = bytes.fromhex(text)
    return _mixed(whole[16:], whole[:16], key).decode()


def _mixed(data: bytes, nonce: bytes, key: str) -> bytes:
    blocks = (
        hmac.digest(key.encode(), nonce + number.to_bytes(4, "big"), hashlib.sha256)
        for number in range(len(data) // 32 + 1)
    )
    return bytes(one ^ other for one, other in zip(data, b"".join(blocks), strict=False))
