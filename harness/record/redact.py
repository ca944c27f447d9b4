"""Secrets out of whatever is written down: headers, keys, passwords in URLs.

A value is hidden by the name it goes under, never by what it looks like; URLs lose user and password,
and the values of query keys that name a secret.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "(hidden)"
_SECRET = re.compile(
    r"authorization|cookie|token|secret|password|passwd|api[-_]?key|credential|session-id", re.IGNORECASE
)
_USER = re.compile(r"://[^/?#\s]*@")
_URL_KEYS = ("url", "ready")


def headers(values: Mapping[str, str]) -> dict[str, str]:
    """Header values all hidden: which ones were sent is worth knowing, what they said is not."""
    return dict.fromkeys(values, HIDDEN)


def url(text: str) -> str:
    """A URL without user, password and secret query values; in other text, the users and passwords of URLs."""
    try:
        parts = urlsplit(text)
    except ValueError:  # it looks like one
        return _USER.sub("://", text)
    if not parts.scheme or not parts.netloc:
        return _USER.sub("://", text)
    host = parts.netloc.rpartition("@")[2]
    query = [(key, HIDDEN if _SECRET.search(key) else value) for key, value in parse_qsl(parts.query, True)]
    return urlunsplit(parts._replace(netloc=host, query=urlencode(query, safe="()")))


def webhook(text: str) -> str:
    """Where a webhook is; its path is what lets others post to it."""
    parts = urlsplit(text)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}" if parts.netloc else text


def tree(value: Any, name: str = "") -> Any:
    """A mapping or list of plain values, with what goes under a secret name hidden."""
    if isinstance(value, Mapping):
        if name == "headers":
            return headers(value)
        return {key: tree(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tree(item, name) for item in value]
    if isinstance(value, str):
        if name == "alert":
            return webhook(value)
        if _SECRET.search(name):
            return HIDDEN
        return url(value) if name in _URL_KEYS or "://" in value else value
    return value


def command_line(argv: list[str]) -> list[str]:
    """What was typed, fit to be shown: values of headers and secret arguments hidden, passwords out of URLs."""
    shown: list[str] = []
    for position, word in enumerate(argv):
        after_header = position > 0 and argv[position - 1] in {"--header", "-H"}
        if after_header or word.startswith("--header="):
            prefix = "--header=" if word.startswith("--header=") else ""
            shown.append(f"{prefix}{word.removeprefix('--header=').partition(':')[0]}: {HIDDEN}")
        elif position > 0 and argv[position - 1] == "--alert":
            shown.append(webhook(word))
        elif word.startswith("--alert="):
            shown.append(f"--alert={webhook(word.removeprefix('--alert='))}")
        else:
            flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
            shown.append(f"{flag}{equals}{_argument(value)}")
    return shown


def _argument(value: str) -> str:
    """One word of a command line: JSON as such, a URL as such, anything else as it is."""
    if value.startswith(("{", "[")):
        try:
            return json.dumps(tree(json.loads(value)))
        except ValueError:
            pass
    return url(value) if "://" in value else value
