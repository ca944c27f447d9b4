"""How another process can remove what a check wrote, when this one is gone: the calls, prepared as data for undo.jsonl.

They are written down before anything is written to the deployment. No secret is in them: what was given on the command line stands in variables of the environment
(`SEALED`), which the janitor inherits and nobody else is shown.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from harness.foundation.addresses.address import same
from harness.foundation.addresses.vetting import VettedAddresses
from harness.foundation.secrets.hiding import HIDDEN, hide
from harness.foundation.untrusted.documents import short
from harness.mcp import outcome
from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.dialects.modern import MODERN_VERSION, ModernSession
from harness.mcp.messages import Reply, Request
from harness.services.cleanup.leftover_calls import SESSION
from harness.services.cleanup.leftover_databases import DSN

SEALED: Final = "HARNESS_VERIFY_SEALED_"
RESUME: Final = "HARNESS_VERIFY_RESUME"


@contextmanager
def remembered(resume: str) -> Iterator[None]:
    """The command by which workers go on is in the environment, for the janitor, as long as the block lasts."""
    if resume:
        os.environ[RESUME] = resume
    try:
        yield
    finally:
        os.environ.pop(RESUME, None)


@contextmanager
def reachable(dsn: str) -> Iterator[None]:
    """The address of the database, by number, is in the environment, for the janitor, as long as the block lasts."""
    if dsn:
        os.environ[DSN] = dsn
    try:
        yield
    finally:
        os.environ.pop(DSN, None)


@contextmanager
def sealed(texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Each text as it may be written down; one with a secret is a variable of the environment, as long as the block lasts."""
    shown: dict[str, str] = {}
    names: list[str] = []
    for key, text in texts.items():
        shown[key] = hide(text)
        if HIDDEN in shown[key]:
            names.append(f"{SEALED}{len(names)}")
            os.environ[names[-1]], shown[key] = text, f"${{{names[-1]}}}"
    try:
        yield shown
    finally:
        for name in names:
            os.environ.pop(name, None)


def entry(
    url: str,
    vetted: VettedAddresses,
    shown: Mapping[str, str],
    door: str | None,
    tool: str,
    arguments: Mapping[str, Any],
) -> Mapping[str, object]:
    """The data of one entry; `shown` are path and headers as they may be written down. Without a door that takes posts nobody else can remove it."""
    requests = () if door is None else tuple(_requests(door, tool, arguments))
    return {
        **where(url, vetted, shown),
        "calls": [_call(request, tool) for request in requests],
        "told": f"call {short(tool)} with {short(hide(json.dumps(arguments)), 200)}",
    }


def where(url: str, vetted: VettedAddresses, shown: Mapping[str, str]) -> Mapping[str, object]:
    """Where to connect to, and what to send with every request."""
    at = urlsplit(url)
    addresses = vetted.get(same(at.hostname or ""), ())
    return {
        "at": urlunsplit((at.scheme, at.netloc.rpartition("@")[2], "", "", "")),
        "connect": next(iter(addresses), at.hostname or ""),
        "path": shown["path"],
        "headers": {name.removeprefix("header "): text for name, text in shown.items() if name != "path"},
    }


def texts(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the parts of an address and its headers that the undo entry needs."""
    at = urlsplit(url)
    path = urlunsplit(("", "", at.path or "/", at.query, ""))
    return {"path": path, **{f"header {name}": text for name, text in headers.items()}}


def _requests(door: str, tool: str, arguments: Mapping[str, Any]) -> Iterator[Request]:
    if door == MODERN_VERSION:
        yield ModernSession().call(tool, arguments)
        return
    session = HandshakeSession(door)
    opening = session.opening()
    yield next(opening)
    agreed = msgspec.Raw(json.dumps({"protocolVersion": door}).encode())
    yield opening.send(Reply(outcome.OK, status=200, result=agreed, session_id=SESSION))
    yield session.call(tool, arguments)
    yield next(session.closing())


def _call(request: Request, tool: str) -> Mapping[str, object]:
    return {
        "method": request.method,
        "headers": [list(line) for line in request.headers],
        "body": hide(request.body.decode()),
        "decides": request.operation == f"tools/call:{tool}",
    }
