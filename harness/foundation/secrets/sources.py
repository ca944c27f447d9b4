"""Find secrets where they enter: headers, URLs, command lines, the environment, scenarios and experiments.

Certainly secret: what follows `Bearer`, the value of an `Authorization` or `Cookie` header, a password in a
URL, and the value of a name such as token, secret, password, api-key or signature. For other headers, query
values and `${NAME}`, the value itself decides (`harness.foundation.secrets.hiding`).
"""

import base64
import binascii
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from harness.foundation.secrets.hiding import HIDDEN, learn

RUN: Final = 60  # the most characters a pattern may scan, so that its time stays linear in a long text
NAMES: Final = (
    r"authorization|cookie|token|secret|passw(?:or)?d|passphrase|(?<![a-z])pass(?![a-z])|(?<=[a-z_-])pwd|api[-_]?key|"
    r"access[-_]?key|private[-_]?key|credential|session[-_]?id|signature|(?<![a-z])sig(?![a-z])|(?<![a-z])auth(?![a-z])|jwt|webhook"
)
SECRET: Final = re.compile(NAMES, re.IGNORECASE)
SCHEME: Final = re.compile(r"\b(?:bearer|basic|apikey)\s+(?P<value>[^\s\"',;]+)", re.IGNORECASE)
USERINFO: Final = re.compile(r"://(?P<value>[^/?#\s]*)@")
ASSIGNED: Final = re.compile(
    rf"(?:{NAMES})[\w.-]{{0,{RUN}}}[\"']?\s*[:=]\s*[\"']?(?P<value>(?!(?:bearer|basic)\b|\(hidden\)|\$\{{)[^\s\"',;&}}\])]+)",
    re.IGNORECASE,
)
FLAGGED: Final = re.compile(
    rf"(?:^|\s)--?[\w-]{{0,{RUN}}}(?:{NAMES})[\w-]{{0,{RUN}}}\s+[\"']?(?P<value>[^\s\"'-][^\s\"']*)",
    re.IGNORECASE,
)
LOOKS: Final = (SCHEME, USERINFO, ASSIGNED, FLAGGED)
PLACES: Final = ("/", "./", "../", "~")
LONG_PIECE: Final = 12  # a piece of a URL's path of this length or more may be an id or a key
# Flags of a command line, and the kind of value that follows each.
FLAGS: Final = {
    "--header": "header",
    "-H": "header",
    "--alert": "webhook",
    "--url": "url",
    "--target-options": "line",
}
_NAME = re.compile(r"-{0,2}[\w.-]+")
ADDRESS: Final = re.compile(rf"[A-Za-z][\w+.-]{{0,{RUN}}}://[^\s\"'<>]+")
_BASE_URL = re.compile(
    r"(?:[A-Za-z][\w+.-]*:)?(?://)?(?P<place>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)


def header(name: str, value: str) -> None:
    """Learn the secrets in one request header."""
    certain = bool(SECRET.search(name))
    learn(value, certain=certain)
    scheme, _, credential = value.strip().partition(" ")
    if credential and scheme.isalnum():
        learn(credential, certain=certain)
        if scheme.lower() == "basic":
            _basic(credential)
    for piece in re.split(r"[;,\s]+", value):
        learn(piece, certain=False)
        learn(piece.partition("=")[2], certain=certain)


def headers(values: Mapping[Any, Any]) -> None:
    """Learn the secrets in all request headers; invalid values are reported elsewhere."""
    for name, value in values.items():
        header(str(name), str(value))


def header_line(text: str) -> None:
    """Learn from a line `Name: value`; without a colon, the whole text may be a secret."""
    name, colon, value = text.partition(":")
    header(name, value) if colon else header("authorization", text)


def url(text: str, *, webhook: bool = False) -> None:
    """Learn the user, the password, query values and long parts of the path; of a webhook, the whole path."""
    match = _BASE_URL.match(text)
    if match is None:
        return
    _userinfo(match["place"].rpartition("@")[0])
    for piece in match["path"].split("/"):
        if webhook or len(piece) >= LONG_PIECE:
            learn(unquote(piece), certain=False)
    if webhook:
        learn(match["path"].strip("/"), certain=False)
    for part in match["rest"].lstrip("?").replace("?", "&").split("#"):
        for name, value in parse_qsl(part, keep_blank_values=True):
            learn(value or name, certain=bool(value and SECRET.search(name)))
            learn(value.partition(" ")[2], certain=bool(SECRET.search(name)))


def spans(text: str) -> list[tuple[int, int]]:
    """The places in a text that look like a secret, in order and without overlaps."""
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(match.span("value") for look in LOOKS for match in look.finditer(text)):
        if not ranges or start >= ranges[-1][1]:
            ranges.append((start, end))
    return ranges


def words(text: str) -> None:
    """Learn from any text of the user: whatever looks like a secret, and the URLs."""
    for start, end in spans(text):
        learn(text[start:end])
    for match in USERINFO.finditer(text):
        _userinfo(match["value"])
    for address in ADDRESS.findall(text):
        url(address)


def command(line: Sequence[str]) -> None:
    """Learn from a command line that was typed, or that the harness starts."""
    words(" ".join(line))
    for first, before, word in zip(("", "", *line), ("", *line), line, strict=False):
        if FLAGS.get(first) == "header" and before.endswith(":"):  # a header without quotes around it
            learn(word)
        _, kind, value = place(before, word)
        match kind:
            case "header":
                header_line(value)
            case "webhook" | "url":
                url(value, webhook=kind == "webhook")
            case "secret":
                learn(value)
            case "line":
                command(split(value))
            case _:
                _json(value)
        words(word)


def place(before: str, word: str) -> tuple[str, str, str]:
    """Split a command-line word, given the word before: the part to show, the kind of the rest, the rest."""
    flag, equals, value = word.partition("=")
    own = bool(equals) and flag.startswith("--")
    if before in FLAGS:
        return "", FLAGS[before], word
    if own and flag in FLAGS:
        return f"{flag}=", FLAGS[flag], value
    if word.startswith("-H") and len(word) > len("-H"):
        return "-H", "header", word[2:]
    if before.startswith("-") and "=" not in before and SECRET.search(before) and not word.startswith("-"):
        return "", "secret", word
    if equals and _NAME.fullmatch(flag) and SECRET.search(flag):
        return f"{flag}=", "secret", value
    return (f"{flag}=", "text", value) if own else ("", "text", word)


def split(text: str) -> list[str]:
    """Split as a shell does; at blanks when a quote is not closed (another module reports that)."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def environment(environ: Mapping[str, str]) -> None:
    """Learn the values of variables with secret names, and the users and passwords in URLs."""
    for name, value in environ.items():
        if "://" in value or (name.endswith("_URL") and "@" in value):
            url(value, webhook=bool(re.search("webhook|hook_url", name, re.IGNORECASE)))
        elif name.endswith(("_URL", "_DSN")):  # words in the place of a URL: `host=... password=...`
            words(value)
        elif name in {"PWD", "OLDPWD"} or name.endswith("_FILE"):
            continue  # a path, not a secret
        elif SECRET.search(name) and not value.startswith(PLACES):
            learn(value)


def reference(name: str, value: str) -> None:
    """The value of a `${NAME}`, which is shown in its place."""
    label = f"${{{name}}}"
    if "://" in value:
        url(value)
    elif SECRET.search(name):
        learn(value, label=label)
    elif not value.startswith(PLACES):
        learn(value, certain=False, label=label)


def tree(value: Any, name: str = "", environ: Mapping[str, str] = MappingProxyType({})) -> None:
    """Learn from the values of a scenario or experiment, and from the `environ` variables that they name."""
    if isinstance(value, Mapping):
        if name == "headers":
            headers(value)
        if value.get("type") == "env":
            taken = str(environ.get(str(value.get("key")), ""))
            environment({str(value.get("key")): taken})
            learn(taken, certain=name == "secrets")
        for key, item in value.items():
            tree(item, name if name == "secrets" else str(key), environ)
    elif isinstance(value, list | tuple):
        command([item for item in value if isinstance(item, str)])
        for item in value:
            tree(item, name, environ)
    elif isinstance(value, str):
        _text(value, name)


def _text(value: str, name: str) -> None:
    """Learn from a value by the name of its key; every value under `secrets` of an experiment is a secret."""
    if name == "alert":
        url(value, webhook=True)
    elif name == "headers":  # written as text instead of a mapping
        header_line(value)
    elif SECRET.search(name):
        learn(value)
    elif name in {"url", "ready"}:
        url(value)
    elif name == "arguments":
        command(split(value))
    words(value)


def _userinfo(text: str) -> None:
    """Learn from `USER:PASSWORD`, or from a token alone."""
    user, colon, password = text.partition(":")
    if not text or text == HIDDEN:
        return
    learn(unquote(password))
    learn(unquote(user), certain=not colon)
    if colon:
        learn(f"{unquote(user)}:{unquote(password)}")


def _basic(credential: str) -> None:
    """Learn from the credentials of `Basic` authentication."""
    try:
        _userinfo(base64.b64decode(credential, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        return


def _json(word: str) -> None:
    if word.startswith(("{", "[")) and len(word) < 100_000:
        try:
            tree(json.loads(word))
        except (ValueError, RecursionError):
            return
