"""What stands in the place of a secret is hidden whatever it is, for somebody may have a password of three letters.

Places: values of headers and of keys that name a secret, user and password of a URL, query values under such a name, secret
arguments of a command. What a secret is elsewhere, by its value, is `harness.foundation.secrets.hiding`'s.
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

# Headers that say what is spoken, and never who speaks.
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
    """Which ones were sent is worth knowing, what they said is not; but for a few that are no secret by their names."""
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: str) -> str:
    if _is_reference(value):
        return value
    return hide(str(value)) if str(name).strip().lower() in OPEN else HIDDEN


def url(text: str) -> str:
    """A URL without user, password and secret query values; in other text, the users and passwords of URLs."""
    try:
        parts = urlsplit(text)
    except ValueError:  # it looks like one
        return hide(_USER.sub("://", text))
    if not parts.scheme or not parts.netloc:
        return hide(_USER.sub("://", text))
    host = parts.netloc.rpartition("@")[2]
    query = [
        (key, HIDDEN if SECRET.search(key) else hide(value)) for key, value in parse_qsl(parts.query, True)
    ]
    return hide(urlunsplit(parts._replace(netloc=host, query=urlencode(query, safe="()"))))


def webhook(text: str) -> str:
    """Where a webhook is; its path is what lets others post to it."""
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
        if value.get("type") == "env":  # of Chaos Toolkit: where it is taken from
            return {key: HIDDEN if key == "default" else hide_in(item) for key, item in value.items()}
        return {key: tree(item, name if name == "secrets" else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if name != "alert" and all(isinstance(item, str) for item in value):
            value = command_line(list(value))
        return [tree(item, name) for item in value]
    return _text(value, name) if isinstance(value, str) and not _is_reference(value) else value


def _text(value: str, name: str) -> str:
    """What stands under a name."""
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
    """What was typed, fit to be shown: values of headers and secret arguments hidden, passwords out of URLs."""
    return [_shown(before, word) for before, word in zip(["", *argv], argv, strict=False)]


def text_of(text: str) -> str:
    """A line of commands, or any other text: what looks like a secret in it is hidden."""
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
    """One word of a command line: JSON as such, a URL as such, in anything else what looks like a secret."""
    if value.startswith(("{", "[")):
        try:
            return json.dumps(tree(json.loads(value)))
        except (ValueError, RecursionError):
            pass
    return text_of(url(value) if "://" in value else value)
