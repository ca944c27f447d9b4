"""One page of HTTP: a question of JSON, and the answer, within bounds of time and size. No redirects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from harness.foundation.addresses.connector import connector
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted import nesting
from harness.foundation.untrusted.printable import printable

BYTES_MOST: Final = 4_000_000
WHY_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """The response."""

    status: int | None  # None when nothing did
    value: Any = None  # its JSON; None when it is none
    why: str = ""  # what is wrong with it

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def asked(
    method: str, url: str, headers: Mapping[str, str], timeout_s: float, json: Any = None
) -> Page:
    """One exchange."""
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(
                headers=dict(headers), connector=connector(force_close=True), timeout=limit
            ) as session,
            session.request(method, url, json=json, allow_redirects=False) as answer,
        ):
            body = bytearray()
            while len(body) <= BYTES_MOST and (more := await answer.content.readany()):
                body += more
            return read(answer.status, bytes(body))
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Page(None, None, printable(hide(str(error) or type(error).__name__), WHY_CHARS))


def read(status: int, body: bytes) -> Page:
    """Its JSON, if it is that."""
    try:
        value = nesting.value(body, BYTES_MOST) if body.strip() else None
    except ValueError as error:
        value, why = None, f"it is not JSON: {error}"
    else:
        why = ""
    if not 200 <= status < 300:
        why = f"HTTP {status}"
    return Page(status, value, printable(hide(why), WHY_CHARS))


def at(value: Any, path: str) -> Any:
    """Return the value at a path such as `task.id` or `items.0.id`; None if there is none."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
