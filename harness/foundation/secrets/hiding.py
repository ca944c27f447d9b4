"""Secrets, known by their values, and hidden in whatever is written: files, streams, rows, logs.

    learn("s3cr3t-value")              where a secret comes in (harness.foundation.secrets.sources)
    hide("it said s3cr3t-value")       where something is written: "it said (hidden)"

A value is hidden wherever it turns up: as it is, URL-encoded, in JSON, HTML or Python's quotes, in base64 and
in hexadecimal digits. It is hidden only if it has at least `SHORTEST` characters (`DIGITS` if all are
digits) and is not in `COMMON`. A value that only may be a secret is not hidden if it is made of plain words
and short numbers: `application/json` stays readable. Neither rule matters where the place alone marks a
secret: a header, a password in a URL or a secret argument is hidden whatever its value is
(harness.foundation.secrets.redact).

Secrets are known to this process only; load workers receive them with their load. Standard library only,
because the janitor imports this module.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, quote_plus

from harness.foundation.errors import UsageError

HIDDEN: Final = "(hidden)"
SHORTEST: Final = 6
DIGITS: Final = 10
CUT_LEAST: Final = 4  # a cut-off text is also searched for the first characters of a secret: at least so many
CACHED: Final = 4096
VALUES_MOST: Final = 1_000
PASSING_MOST: Final = 300
COMMON: Final = frozenset(
    [
        "password",
        "passwd",
        "secret",
        "token",
        "bearer",
        "basic",
        "digest",
        "admin",
        "postgres",
        "postgresql",
        "harness",
        "localhost",
        "default",
        "testing",
        "example",
        "changeme",
        "public",
        "private",
        "authorization",
        "hidden",
        "enabled",
        "disabled",
        "required",
        "optional",
        "undefined",
        "redacted",
        "target",
        "server",
        "console",
        "application",
        "website",
        "identity",
        "keep-alive",
        "no-cache",
        "chunked",
    ]
)
_SEPARATORS = re.compile(r"[\W_]+")
_KEY = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_PERCENT = re.compile(r"%[0-9A-F]{2}")


@dataclass(slots=True)
class Secrets:
    """The known secrets, their labels, and the text of a scenario before its `${NAME}` were filled in."""

    values: dict[str, str] = field(default_factory=dict)
    written: dict[tuple[str, str], str] = field(default_factory=dict)
    _forms: dict[str, str] = field(default_factory=dict)
    _patterns: dict[str, list[tuple[re.Pattern[str], str]]] = field(default_factory=dict)
    _longest_first: list[tuple[str, str]] | None = None  # the forms; sorted when they are first looked for
    listeners: list[Callable[[str, str], None]] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)  # those that others follow, the oldest first

    def add(self, value: str, label: str) -> None:
        if self.values.get(value, HIDDEN) != HIDDEN or (value in self.values and label == HIDDEN):
            return  # keep the label that is a name: it says more
        self.values[value] = label
        self._forms.update(dict.fromkeys(forms(value), label))
        self._patterns[value] = _patterns(value, label)
        self._longest_first = None
        _remembered.cache_clear()
        for listener in self.listeners:
            listener(value, label)

    def drop(self, value: str) -> None:
        """Forget one; what it shares with others stays hidden by them."""
        for form in forms(value):
            self._forms.pop(form, None)
        self.values.pop(value, None)
        self._patterns.pop(value, None)
        self._longest_first = None
        _remembered.cache_clear()

    def hide(self, text: str) -> str:
        if self._longest_first is None:
            self._longest_first = sorted(self._forms.items(), key=lambda item: -len(item[0]))
        for form, label in self._longest_first:
            if form in text:
                text = text.replace(form, label)
        for patterns in self._patterns.values():
            for pattern, label in patterns:
                text = pattern.sub(label.replace("\\", r"\\"), text)
        return text

    def forget(self) -> None:
        for known in (self.values, self.written, self._forms, self._patterns, self.passing):
            known.clear()
        self._longest_first = None
        _remembered.cache_clear()


_known = Secrets()


def learn(value: str, *, certain: bool = True, label: str = HIDDEN) -> None:
    """Remember a value that is a secret, or may be one, so that it is hidden from now on."""
    value = value.strip()
    if not is_worth_hiding(value, certain=certain):
        return
    if len(_known.values) >= VALUES_MOST and value not in _known.values:
        raise UsageError(
            f"There are more than {VALUES_MOST:,} secrets",
            "What stands under names such as token or password, in headers and in URLs is looked for in all that is written",
            "Give fewer of them",
        )
    _known.add(value, label)


def learn_passing(value: str, *, certain: bool = True) -> None:
    """Remember a secret that others will follow, such as a token that is renewed: the newest `PASSING_MOST` are known."""
    value = value.strip()
    if value in _known.values or not is_worth_hiding(value, certain=certain):
        return
    _known.passing.append(value)
    _known.add(value, HIDDEN)
    if len(_known.passing) > PASSING_MOST:
        _known.drop(_known.passing.pop(0))


def is_worth_hiding(value: str, *, certain: bool) -> bool:
    """Whether the value can be hidden everywhere without making other text unreadable."""
    if len(value) < SHORTEST or HIDDEN in value or "${" in value or value.lower() in COMMON:
        return False
    if value.isdigit() and len(value) < DIGITS:
        return False
    return certain or not is_plain(value)


def is_plain(value: str) -> bool:
    """Whether it is made of words and short numbers: `text/event-stream`, `en-US`, `127.0.0.1:8000`."""
    return all(_is_word(piece) for piece in _SEPARATORS.split(value) if piece)


def _is_word(piece: str) -> bool:
    if piece.isdigit():
        return len(piece) <= SHORTEST
    return piece.isalpha() and len(piece) <= 15 and (piece.islower() or piece.isupper() or piece.istitle())


def hide(text: str) -> str:
    """The text without any secret that is known."""
    return _known.hide(text) if _known.values else text


def hide_cut(text: str) -> str:
    """Hide secrets in a text that may have been cut off in the middle of one."""
    text = hide(text)
    for value in _known.values:
        for length in range(min(len(value) - 1, len(text)), CUT_LEAST - 1, -1):
            if text.endswith(value[:length]):
                return text[:-length] + HIDDEN
    return text


@lru_cache(CACHED)
def _remembered(text: str) -> str:
    return hide_cut(text)


def hide_often(text: str) -> str:
    """`hide_cut` with a cache, for texts that are written often."""
    return _remembered(text) if _known.values else text


def hide_in(value: Any) -> Any:
    """Hide secrets in the texts of a value made of dicts and lists; keys that are plain names stay."""
    if not _known.values:
        return value
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {
            hide(key) if isinstance(key, str) and not _KEY.fullmatch(key) else key: hide_in(item)
            for key, item in value.items()
        }
    return [hide_in(item) for item in value] if isinstance(value, list | tuple) else value


def remember(key: str, filled_in: str, written: str) -> None:
    """Remember what stood under a key of a scenario before its `${NAME}` were filled in."""
    _known.written[key, filled_in] = written


def as_written(value: Any, key: str = "") -> Any:
    """The values of a scenario, each text as it stands in the file."""
    if isinstance(value, str):
        return _known.written.get((key, value), value)
    if isinstance(value, Mapping):
        return {name: as_written(item, str(name)) for name, item in value.items()}
    return [as_written(item, key) for item in value] if isinstance(value, list | tuple) else value


def told() -> dict[str, str]:
    """The known secrets and their labels, to be sent to another process of the run."""
    return dict(_known.values)


def hear(values: Mapping[str, str]) -> None:
    """Add the secrets that another process of the run knows."""
    for value, label in values.items():
        _known.add(value, label)


@contextmanager
def telling(listener: Callable[[str, str], None]) -> Iterator[None]:
    """The listener is told of each value: at once of those that are known, of the others as they are learnt."""
    for value, label in told().items():
        listener(value, label)
    _known.listeners.append(listener)
    try:
        yield
    finally:
        _known.listeners.remove(listener)


def forget() -> None:
    """Forget all secrets: the next run in this process has its own."""
    _known.forget()


def forms(value: str) -> set[str]:
    """All encodings of the value; values made of digits only are found by patterns instead."""
    spellings = {value}
    try:
        data = value.encode()
    except UnicodeEncodeError:  # the value has bytes that are not text
        return spellings
    for _ in range(2):  # an encoded value may be encoded once more
        spellings |= {encode(form) for form in list(spellings) for encode in _ENCODINGS}
    for form in _encoded(data):
        spellings |= {form, quote(form, safe="")}
    return {form for form in spellings if not form.isdigit() and len(form) >= SHORTEST}


def _patterns(value: str, label: str) -> list[tuple[re.Pattern[str], str]]:
    if value.isdigit():
        literal = (value, value.encode().hex())
        return [(re.compile(rf"(?<!\d)(?<!\d\.){form}(?!\d)(?!\.\d)"), label) for form in literal]
    words = value.split()
    if len(words) < 2:
        return []
    return [(re.compile(r"\s+".join(map(re.escape, words))), label)]  # lines may have been folded


def _encoded(data: bytes) -> set[str]:
    """The value in base64, at any offset within the encoded text, and in hexadecimal digits."""
    spellings = {data.hex(), data.hex().upper()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(data).decode()
        spellings |= {whole, whole.rstrip("=")}
        for before in range(3):
            text = encode(bytes(before) + data).decode().rstrip("=")
            first = -(-before * 8 // 6)
            last = (before + len(data)) * 8 // 6
            spellings.add(text[first:last])
    return {form for form in spellings if len(form) > SHORTEST + 1}


def _lower(text: str) -> str:
    return _PERCENT.sub(lambda match: match[0].lower(), quote(text, safe=""))


_ENCODINGS: Final[tuple[Callable[[str], str], ...]] = (
    quote,
    quote_plus,
    _lower,
    lambda text: quote(text, safe=""),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    lambda text: repr(text)[1:-1],
    html.escape,
    lambda text: html.escape(text, quote=False).replace('"', "&quot;"),
    lambda text: quote(text, safe="-_.!~*'()"),
    lambda text: quote(text, safe="-_.!~*'()$,;=:@/+&"),
    lambda text: text.encode().decode("latin-1"),
    lambda text: html.escape(text, quote=False),
)
