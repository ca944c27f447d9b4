"""Undo what was left on a Toxiproxy, with nothing but the standard library: the janitor's part of `undoing`.

Each call has a second. A server that was ours and does not answer is gone, with everything on it; one of
somebody else's that does not answer is a leftover, and what is said of it is the command that removes it.
"""

import http.client
import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

CALL_S = 1.0


def undo_toxiproxy(data: Mapping[str, Any]) -> str | None:
    """What is wrong, or None when it is undone."""
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
        if status != 404 and not 200 <= status < 300:
            return f"{method} {path} was answered with {status}: {_by_hand(data, method, path)}"
    return None


def _by_hand(data: Mapping[str, Any], method: str, path: str) -> str:
    body = """ -d '{"enabled": true}'""" if method == "POST" else ""
    return f"curl -X {method}{body} {data['api']}{path}"


def _call(api: str, method: str, path: str, body: Mapping[str, Any] | None) -> int:
    where = urlsplit(api)
    connection = http.client.HTTPConnection(where.hostname or "", where.port or 80, timeout=CALL_S)
    token = os.environ.get("TOXIPROXY_AUTH_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"{api} does not speak HTTP: {error}") from error
    finally:
        connection.close()
