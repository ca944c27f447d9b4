"""Hide whatever stands in the place of a secret, even a password of three letters.

Places: the values of headers and of keys that name a secret, the user and password of a URL, its query values
under such a name, and secret arguments of a command. `harness.foundation.secrets.hiding` finds secrets
elsewhere, by their value.
"""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.foundation.secrets import sources
from harness.foundation.secrets.hiding import HIDDEN, hide, hide_in
from harness.foundation.secrets.sources import SECRET

# Headers that describe the request and never identify the client.
OPEN: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-type",
        "user-agent",
    }
)
_USER_ALONE = re.compile(r"^[^/?#\s]*@")
_USER = re.compile(r"://[^/?#\s]*@")
_URL_KEYS = ("url", "ready")


def headers(values: Mapping[str, str]) -> dict[str, str]:
    """Keep the names of headers and hide their values, except the values of a few that are never secret."""
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: str) -> str:
    if _is_reference(value):
        return value
    return hide(str(value)) if str(name).strip().lower() in OPEN else HIDDEN


def url(text: str) -> str:
    """A URL without user, password and secret query values; in other text, the users and passwords of URLs.

    The address of a stdio server is its command line.
    """
    if text.startswith("stdio:"):
        return "stdio:" + shlex.join(command_line(sources.split(text.removeprefix("stdio:"))))
    try:
        parts = urlsplit(text)
    except ValueError:  # it looks like a URL, and is not one
        return hide(_USER.sub("://", text))
    if not parts.scheme or not parts.netloc:
        return hide(_USER.sub("://", text))
    host = parts.netloc.rpartition("@")[2]
    query = [
        (key, HIDDEN if SECRET.search(key) else hide(value)) for key, value in parse_qsl(parts.query, True)
    ]
    return hide(urlunsplit(parts._replace(netloc=host, query=urlencode(query, safe="()"))))


def webhook(text: str) -> str:
    """The address of a webhook without its path, because whoever knows the path can post to it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{HIDDEN}" if parts.netloc else text


def tree(value: Any, name: str = "") -> Any:
    """A mapping or list of plain values, with what stands under a secret name hidden; `${NAME}` stays."""
    if isinstance(value, Mapping):
        if name == "headers":
            return headers(value)
        if value.get("type") == "env":  # Chaos Toolkit: names the variable that holds the value
            return {key: HIDDEN if key == "default" else hide_in(item) for key, item in value.items()}
        return {key: tree(item, name if name == "secrets" else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if name != "alert" and all(isinstance(item, str) for item in value):
            value = command_line(list(value))
        return [tree(item, name) for item in value]
    return _text(value, name) if isinstance(value, str) and not _is_reference(value) else value


def _text(value: str, name: str) -> str:
    """Hide what is secret in a value, judged by the name of its key."""
    if name == "alert":
        return webhook(value)
    if SECRET.search(name):
        return HIDDEN
    if name == "arguments":
        return text_of(value)
    return url(value) if name in _URL_KEYS or "://" in value else hide(value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(?:\w+ )?\$\{\w+\}", value) is not None


def command_line(argv: list[str]) -> list[str]:
    """The command line without the values of headers, secret arguments and the passwords in URLs."""
    return [_shown(before, word) for before, word in zip(["", *argv], argv, strict=False)]


def text_of(text: str) -> str:
    """A command line, or any other text, with everything hidden that looks like a secret."""
    for start, end in reversed(sources.spans(text)):
        text = text[:start] + HIDDEN + text[end:]
    return hide(text)


def _shown(before: str, word: str) -> str:
    prefix, kind, value = sources.place(before, word)
    if _is_reference(value):
        return word
    match kind:
        case "header":
            return prefix + _header(value)
        case "webhook":
            return prefix + webhook(value)
        case "secret":
            return prefix + HIDDEN
        case "url" if "://" not in value:
            return prefix + _argument(_USER_ALONE.sub("", value))
        case "line":
            return prefix + shlex.join(command_line(sources.split(value)))
        case _:
            return prefix + _argument(value)


def _header(text: str) -> str:
    name, colon, value = text.partition(":")
    return f"{name}: {_value(name, value.strip())}" if colon else HIDDEN


def _argument(value: str) -> str:
    """One word of a command line without secrets: parsed as JSON, as a URL, or searched as plain text."""
    if value.startswith(("{", "[")):
        try:
            return json.dumps(tree(json.loads(value)))
        except (ValueError, RecursionError):
            pass
    return text_of(url(value) if "://" in value else value)
