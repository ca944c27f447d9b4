"""Remove what was written to somebody's server, by calls that were prepared before it was written; the standard library is enough.

    {"what": "calls", "at": "http://127.0.0.1:8000", "connect": "127.0.0.1", "path": "/mcp", "headers": {...}, "calls": [...], "told": "call drop with ..."}

The calls are made in their order, on a connection each; a session that is opened by one is named in the others (`{session}`). The one that `decides`
must be answered: a result is done, a tool that finds nothing is asked again, since the write may still be on its way. `${NAME}` is taken from the environment, because
no secret is written down.
"""

import http.client
import json
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from harness.foundation.untrusted import nesting

CALLS = "calls"
CALL_S = 2.0
ANSWER_BYTES_MAX = 1_000_000
AGAIN_S = (0.0, 0.2, 0.5)
FAILED_S = 0.2  # before anybody tries again
SESSION, SESSION_HEADER = "{session}", "Mcp-Session-Id"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def undo_calls(data: Mapping[str, Any]) -> str | None:
    """Make the calls; return the problem, or None when what they remove is gone."""
    if not data["calls"]:
        return f"it can only be removed by hand: {data['told']}"
    try:
        for wait_s in AGAIN_S:
            time.sleep(wait_s)
            if _removed(data):
                break
    except (OSError, ValueError, http.client.HTTPException) as error:
        time.sleep(FAILED_S)
        return f"{str(error) or type(error).__name__}; when it answers again: {data['told']}"
    return None


def _removed(data: Mapping[str, Any]) -> bool:
    """Whether something was there, and is removed; ValueError when that was refused."""
    session, removed = "", False
    for call in data["calls"]:
        headers = {name: filled_in(text) for name, text in data["headers"].items()}
        headers |= {name: session if text == SESSION else filled_in(text) for name, text in call["headers"]}
        if not session:
            headers.pop(SESSION_HEADER, None)
        if call["method"] == "DELETE" and not session:
            continue
        with connected(data) as connection:
            connection.request(
                call["method"],
                filled_in(str(data["path"])),
                filled_in(call["body"]).encode() or None,
                headers,
            )
            response = connection.getresponse()
            session = response.getheader(SESSION_HEADER) or session
            if call["decides"]:
                removed = _judged(response)
            elif response.status >= 400 and call["method"] != "DELETE":
                raise ValueError(f"{data['at']} answered with HTTP {response.status}")
    return removed


@contextmanager
def connected(data: Mapping[str, Any]) -> Iterator[http.client.HTTPConnection]:
    """A connection to the address that was vetted, under the name that it has."""
    where = urlsplit(str(data["at"]))
    host, secure = where.hostname or "", where.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(host, where.port or (443 if secure else 80), timeout=CALL_S)
    try:
        connection.sock = _socket(str(data["connect"] or host), connection.port, host, secure=secure)
        yield connection
    finally:
        connection.close()


def _socket(address: str, port: int, host: str, *, secure: bool) -> socket.socket:
    plain = socket.create_connection((address, port), CALL_S)
    if not secure:
        return plain
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _judged(response: http.client.HTTPResponse) -> bool:
    """Whether the tool has removed something; False when it says that it could not, as it does when nothing is there."""
    for message in _messages(response):
        if "error" in message:
            error = message["error"]
            raise ValueError(f"refused: {json.dumps(error)[:200]}")
        if isinstance(message.get("result"), dict):
            return message["result"].get("isError") is not True
    raise ValueError(f"HTTP {response.status} without an answer")


def _messages(response: http.client.HTTPResponse) -> Iterator[Mapping[str, Any]]:
    """Yield the messages of one JSON body, or of an event stream that may stay open."""
    if "text/event-stream" not in (response.getheader("Content-Type") or ""):
        yield from _objects(response.read(ANSWER_BYTES_MAX))
        return
    read = 0
    while (line := response.readline(ANSWER_BYTES_MAX)) and (read := read + len(line)) < ANSWER_BYTES_MAX:
        if line.startswith(b"data:"):
            yield from _objects(line[5:])


def _objects(text: bytes) -> Iterator[Mapping[str, Any]]:
    try:
        value = nesting.value(text, ANSWER_BYTES_MAX)
    except ValueError:
        return
    if isinstance(value, dict):
        yield value


def filled_in(text: str) -> str:
    """With the values of the variables that it names."""
    for name in _VARIABLE.findall(text):
        if name not in os.environ:
            raise ValueError(
                f"the environment variable {name} is not set; it holds a credential of that server"
            )
    return _VARIABLE.sub(lambda match: os.environ[match[1]], text)
