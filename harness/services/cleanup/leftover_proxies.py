"""Undo what was left on a Toxiproxy, with nothing but the standard library: the janitor's part of `undoing`.

Each call has a second. If our own server does not answer, it is gone, with everything on it. If somebody
else's server does not answer, the proxy is a leftover, and the problem names the command that removes it.
"""

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from harness.foundation.untrusted import nesting

CALL_S = 1.0
GONE = 404
ANSWER_BYTES_MAX = 1_000_000


def undo_toxiproxy(data: Mapping[str, Any]) -> str | None:
    """Undo the entry; return the problem, or None when it is undone."""
    calls: list[tuple[str, str, Mapping[str, Any] | None]] = [
        ("DELETE", path, None) for path in data["delete"]
    ]
    calls += [("POST", path, {"enabled": True}) for path in data["enable"]]
    for method, path, body in calls:
        try:
            status = _call(str(data["api"]), method, path, body)
        except OSError as error:
            return (
                None
                if data.get("ours")
                else f"{error}; when it answers again: {_by_hand(data, method, path)}"
            )
        if status != GONE and not 200 <= status < 300:
            return f"{method} {path} was answered with {status}: {_by_hand(data, method, path)}"
    return None


def is_on_toxiproxy(data: Mapping[str, Any]) -> bool:
    """Whether something of the entry is still there; changes nothing.

    A server of somebody else's that does not answer counts as yes, since it cannot be asked.
    """
    try:
        if any(_call(str(data["api"]), "GET", path, None) != GONE for path in data["delete"]):
            return True
        return any(not _enabled(str(data["api"]), path) for path in data["enable"])
    except OSError:
        return not data.get("ours")


def _enabled(api: str, path: str) -> bool:
    status, body = _answer(api, "GET", path, None)
    if status == GONE:
        return True
    proxy = nesting.value(body, ANSWER_BYTES_MAX)
    return isinstance(proxy, dict) and proxy.get("enabled") is True


def _by_hand(data: Mapping[str, Any], method: str, path: str) -> str:
    body = """ -d '{"enabled": true}'""" if method == "POST" else ""
    return f"curl -X {method}{body} {data['api']}{path}"


def _call(api: str, method: str, path: str, body: Mapping[str, Any] | None) -> int:
    return _answer(api, method, path, body)[0]


def _answer(api: str, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    where = urlsplit(api)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=CALL_S)
    token = os.environ.get("TOXIPROXY_AUTH_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES_MAX) if method == "GET" else b""
    except http.client.HTTPException as error:
        raise OSError(f"{api} does not speak HTTP: {error}") from error
    finally:
        connection.close()
