"""An access token, and how long it is valid: what the server of tokens says, or the token itself (a JWT's `exp`)."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any

from harness.foundation.untrusted.documents import DocumentError, json_value

_VALUE = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750: what a bearer token may be made of
SHORTEST_S, LONGEST_S = 0.5, 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token for `Authorization: Bearer`; `lives_s` from when it was asked for, None when nobody says."""

    value: str = field(repr=False)
    lives_s: float | None = None
    took_ms: float = 0.0
    renewable: bool = True  # asking again may bring another one

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.value}"}


def is_token(text: object) -> bool:
    """Whether a header can carry it."""
    return isinstance(text, str) and _VALUE.fullmatch(text) is not None


def lives_s(seconds: object) -> float | None:
    """`expires_in` as seconds; None for what is no time."""
    if isinstance(seconds, str) and seconds.isascii() and seconds.isdigit() and len(seconds) < 12:
        seconds = int(seconds)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        return None
    return max(SHORTEST_S, min(float(seconds), LONGEST_S))


def of_jwt(value: str, now_s: float) -> float | None:
    """How long a JWT is still valid, unverified; None for what is no JWT, or has no end."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)).decode()
        claims: Any = json_value(text)
    except (binascii.Error, ValueError, DocumentError):
        return None
    end_s = claims.get("exp") if isinstance(claims, dict) else None
    if not isinstance(end_s, int | float) or isinstance(end_s, bool):
        return None
    return max(SHORTEST_S, min(end_s - now_s, LONGEST_S)) if end_s > now_s else 0.0


def of_text(text: str) -> tuple[str, float | None]:
    """A token as commands print it: alone, or as JSON with access_token and expires_in; ValueError for anything else."""
    value, until_s = text, None
    if text.startswith("{"):
        try:
            data = json_value(text)
        except DocumentError:
            data = {}
        value = data.get("access_token") or data.get("token") or ""
        until_s = lives_s(data.get("expires_in"))
    if not is_token(value):
        raise ValueError("It printed neither a token nor JSON with access_token")
    return value, until_s
