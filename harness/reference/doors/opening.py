"""Reads the client from an initialize, in the same way at every door that opens sessions."""

from typing import Any, Final

from starlette.types import Scope

from harness.reference.json_object import JsonObject
from harness.reference.sessions import Client

WORD_MAX: Final = 200  # characters of a name that are kept
METADATA_MAX: Final = 20  # capabilities that are kept


def client_of(message: Any, owner: str | None, agent: str = "") -> Client | None:
    """Return the client that initializes; None when the SDK will refuse it, so that no session is opened."""
    if not isinstance(message, dict) or not isinstance(message.get("params"), dict) or "id" not in message:
        return None
    params = message["params"]
    info, capabilities = params.get("clientInfo"), params.get("capabilities")
    if not isinstance(info, dict) or not isinstance(capabilities, dict):
        return None
    words = (info.get("name"), info.get("version"), params.get("protocolVersion"))
    if not all(isinstance(word, str) for word in words):
        return None
    name, version, protocol = (_kept(str(word)) for word in words)
    metadata: JsonObject = {"capabilities": sorted(_kept(key) for key in capabilities)[:METADATA_MAX]}
    extra = {"title": info.get("title"), "websiteUrl": info.get("websiteUrl"), "userAgent": agent}
    metadata |= {key: _kept(value) for key, value in extra.items() if isinstance(value, str) and value}
    return Client(name, version, protocol, owner, metadata)


def _kept(word: str) -> str:
    """Return the text without NUL, which PostgreSQL cannot store, and cut to WORD_MAX."""
    return word.replace("\0", "")[:WORD_MAX]


def agent_of(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")
