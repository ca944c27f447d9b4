"""Texts of the formats of JSON Schema. What names a place on the network leads nowhere (`.invalid`): a tool that fetches it
must not bring the load to somebody else."""

import base64
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
WORDS: Final = ("hello", "alpha", "green", "river", "seven", "table", "maple", "north")
LENGTH_MOST: Final = 20_000


def _day(rng: Random) -> date:
    return (_START + timedelta(days=rng.randrange(365))).date()


def _moment(rng: Random) -> str:
    return (_START + timedelta(seconds=rng.randrange(31_536_000))).isoformat().replace("+00:00", "Z")


FORMATS: Final[dict[str, Callable[[Random], str]]] = {
    "date": lambda rng: _day(rng).isoformat(),
    "date-time": _moment,
    "time": lambda rng: f"{rng.randrange(24):02}:{rng.randrange(60):02}:00Z",
    "duration": lambda rng: f"PT{rng.randint(1, 59)}M",
    "email": lambda rng: f"{rng.choice(WORDS)}@mail.invalid",
    "idn-email": lambda rng: f"{rng.choice(WORDS)}@mail.invalid",
    "hostname": lambda rng: f"{rng.choice(WORDS)}.invalid",
    "idn-hostname": lambda rng: f"{rng.choice(WORDS)}.invalid",
    "ipv4": lambda rng: f"192.0.2.{rng.randint(1, 254)}",  # for documentation
    "ipv6": lambda rng: f"2001:db8::{rng.randint(1, 9999):x}",
    "uri": lambda rng: f"https://{rng.choice(WORDS)}.invalid/",
    "url": lambda rng: f"https://{rng.choice(WORDS)}.invalid/",
    "iri": lambda rng: f"https://{rng.choice(WORDS)}.invalid/",
    "uri-reference": lambda rng: f"/{rng.choice(WORDS)}",
    "iri-reference": lambda rng: f"/{rng.choice(WORDS)}",
    "uri-template": lambda rng: f"https://{rng.choice(WORDS)}.invalid/{{id}}",
    "json-pointer": lambda rng: f"/{rng.choice(WORDS)}",
    "relative-json-pointer": lambda rng: f"0/{rng.choice(WORDS)}",
    "regex": lambda rng: rng.choice(WORDS),
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "byte": lambda rng: base64.b64encode(rng.choice(WORDS).encode()).decode(),
    "binary": lambda rng: rng.choice(WORDS),
    "password": lambda rng: rng.choice(WORDS),
}


def word(rng: Random, least: int, most: int | None) -> str:
    """A plain word, made longer or shorter to fit."""
    text = rng.choice(WORDS)
    while len(text) < least:
        text += f" {rng.choice(WORDS)}"
    if most is not None and len(text) > most:
        text = text[:most]
        if text.endswith(" "):
            text = text[:-1] + "a"
    return text[: max(least, len(text))] if most is None else text
