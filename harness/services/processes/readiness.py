"""Waiting for something that happens elsewhere: ask, wait a little longer each time, give up at a deadline.

A check returns None when it has succeeded, else the state that it saw, in words. The error of a time-out
says what was awaited, for how long, and that last state.

Deadlines are those of asyncio: this module reads no clock.
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from harness.foundation.clock import within
from harness.foundation.errors import ServiceError

Check = Callable[[], Awaitable[str | None]]
Pause = Callable[[float], Awaitable[object]]

FIRST_PAUSE_S, PAUSE_GROWTH, PAUSE_S_MAX = 0.005, 1.5, 0.1


@dataclass(frozen=True, slots=True)
class Ready:
    """A condition to wait for: its name in words ("a line ..."), and its check."""

    what: str
    check: Check


async def until(
    ready: Ready, within_s: float, pause: Pause = asyncio.sleep, pause_s_max: float = PAUSE_S_MAX
) -> None:
    """Wait until the check succeeds; `pause` may raise to give up early."""
    state, pause_s = "no answer yet", FIRST_PAUSE_S
    try:
        async with within(within_s):
            while (answer := await ready.check()) is not None:
                state = answer
                await pause(pause_s)
                pause_s = min(pause_s * PAUSE_GROWTH, pause_s_max)
    except TimeoutError:
        raise ServiceError(f"Waited {within_s:g}s for {ready.what}", f"Last state: {state}") from None


def port(number: int, host: str = "127.0.0.1") -> Ready:
    """Wait for a TCP port that accepts connections."""

    async def check() -> str | None:
        try:
            _, writer = await asyncio.open_connection(host, number)
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
        writer.close()
        return None

    return Ready(f"port {number} of {host} to accept connections", check)


def line(pattern: str, log: Path) -> Ready:
    """Wait for a matching line that is written to the log from now on.

    Lines of an earlier start do not count.
    """
    offset = size(log)

    async def check() -> str | None:
        return None if find_line(pattern, log, offset) else "no such line yet"

    return Ready(f"a line like {pattern!r} in {log.name}", check)


def find_line(pattern: str, log: Path, offset: int = 0) -> re.Match[str] | None:
    """Return the match of the first whole line after `offset` bytes that matches, or None."""
    whole = text_of(log, offset).rpartition("\n")[0]
    return next((match for text in whole.splitlines() if (match := re.search(pattern, text))), None)


def text_of(log: Path, offset: int = 0) -> str:
    """Return the text of a log after an offset; "" when there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def size(log: Path) -> int:
    """Return the size of the log in bytes; 0 when there is none."""
    return log.stat().st_size if log.exists() else 0


def url(address: str) -> Ready:
    """Wait for an HTTP address that answers with any status below 500."""
    import aiohttp  # takes 0.2 s to import: only when an address is awaited

    from harness.foundation.addresses.connector import connector

    async def check() -> str | None:
        deadline = aiohttp.ClientTimeout(total=2.0)
        try:
            async with (
                aiohttp.ClientSession(connector=connector(), timeout=deadline) as client,
                client.get(address, allow_redirects=False) as reply,
            ):
                return None if reply.status < 500 else f"it answers {reply.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return str(error) or type(error).__name__

    return Ready(f"{address} to answer", check)
