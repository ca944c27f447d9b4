"""The exchanges with the deployment, to show why a check failed: bounded, and without secrets.

A check's own exchanges are heard as they are made. What was asked once for many checks (whether a door is offered, the list of its tools) is kept
under a name, and recalled by each check that goes by it.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from harness.client.witness import Seen
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import HIDDEN, hide, hide_cut
from harness.foundation.units import MS_PER_S, show_bytes
from harness.foundation.untrusted import nesting
from harness.verify.doors import said

MOST: Final = 12  # of one check; the last ones tell
BODY_CHARS: Final = 4_000
HEADER_CHARS: Final = 300
# Beside those that `redact` leaves open: what they say is of the exchange, and tells nobody who was asking.
OPEN: Final = frozenset(
    {
        "allow", "connection", "content-length", "date", "mcp-method", "mcp-name", "mcp-protocol-version", "origin", "host", "retry-after",
        "server", "transfer-encoding", "upgrade", "www-authenticate",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it, fit to be shown."""

    request: str  # POST http://127.0.0.1:8000/mcp
    operation: str
    request_headers: tuple[str, ...]
    request_body: str
    came_to: str
    headers: tuple[str, ...]
    body: str
    took_ms: float


@dataclass(slots=True)
class Exchanges:
    """The exchanges of one verification, for one check at a time."""

    _heard: deque[Seen] = field(default_factory=lambda: deque(maxlen=MOST))
    _kept: dict[str, deque[Seen]] = field(default_factory=dict)
    _keeping: "deque[Seen] | None" = None

    def hear(self, seen: Seen) -> None:
        """One was made."""
        self._heard.append(seen)
        if self._keeping is not None:
            self._keeping.append(seen)

    def begin(self) -> None:
        """A check begins."""
        self._heard.clear()

    @contextmanager
    def keeping(self, name: str) -> Iterator[None]:
        """Exchanges made in this context belong to other checks, too."""
        before, self._keeping = self._keeping, self._kept.setdefault(name, deque(maxlen=MOST))
        try:
            yield
        finally:
            self._keeping = before

    def recall(self, name: str) -> None:
        """The check goes by what was kept under that name."""
        known = set(map(id, self._heard))
        self._heard.extend(seen for seen in self._kept.get(name, ()) if id(seen) not in known)

    def shown(self) -> tuple[Exchange, ...]:
        """Those of the check, in order."""
        return tuple(map(_shown, self._heard))


def _shown(seen: Seen) -> Exchange:
    return Exchange(
        request=f"{seen.method} {redact.url(seen.url)}",
        operation=hide(seen.operation),
        request_headers=_headers(seen.sent_headers),
        request_body=_body(seen.sent, seen.sent_bytes),
        came_to=hide(said(seen.reply)),
        headers=_headers(seen.headers),
        body=_body(seen.body, seen.received),
        took_ms=round(seen.took_s * MS_PER_S, 1),
    )


def _headers(headers: Mapping[str, str]) -> tuple[str, ...]:
    closed = redact.headers(headers)
    shown = {
        name: _header(name.lower(), str(text)) if closed[name] == HIDDEN else closed[name]
        for name, text in headers.items()
    }
    return tuple(f"{hide(name)}: {text}" for name, text in shown.items())


def _header(name: str, text: str) -> str:
    if name == "location":
        return redact.url(text)
    return hide_cut(text[:HEADER_CHARS]) if name in OPEN else HIDDEN


def _body(kept: bytes, whole: int) -> str:
    """Its beginning; JSON is set out, and nothing of it stands under the name of a secret."""
    text = kept.decode("utf-8", "replace")
    if len(kept) < whole:
        shown = "\n".join(map(_line, text.splitlines() or [""]))
        return f"{hide_cut(shown)[:BODY_CHARS]}\n… {show_bytes(whole)} in all"
    value = _json(text)
    shown = value if value is not None else "\n".join(map(_line, text.splitlines()))
    return shown if len(shown) <= BODY_CHARS else f"{shown[:BODY_CHARS]}\n… cut off"


def _line(text: str) -> str:
    """Return one line of an answer, without secrets; the data of an event is shown as JSON."""
    field_name, colon, rest = text.partition(":")
    value = _json(rest) if colon and field_name == "data" else None
    return f"data: {value}" if value is not None else redact.text_of(text)


def _json(text: str) -> str | None:
    """Set out, without secrets; None when it is none, or no object or list."""
    try:
        value = nesting.value(text.encode(), 2 * len(text) + 64)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict | list):
        return None
    return json.dumps(redact.tree(_leaves(value)), indent=2, ensure_ascii=False)


def _leaves(value: Any) -> Any:
    """The same, with each text that looks like a secret hidden, under whatever name."""
    if isinstance(value, dict):
        return {hide(key): _leaves(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item) for item in value]
    return redact.text_of(value) if isinstance(value, str) else value
