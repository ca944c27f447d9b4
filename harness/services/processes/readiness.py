"""Waiting for something that happens elsewhere: ask, wait a little longer each time, give up at a deadline.

A check returns None when what it waits for is there, else the state it saw, in words. The error of a time-out
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
    """What a part is waited for, in words ("a line ..."), and how to ask."""

    what: str
    check: Check


async def until(
    ready: Ready, within_s: float, pause: Pause = asyncio.sleep, pause_s_max: float = PAUSE_S_MAX
) -> None:
    """Return once it is there; `pause` may raise to give up early."""
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
    """A TCP port that accepts connections."""

    async def check() -> str | None:
        try:
            _, writer = await asyncio.open_connection(host, number)
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
        writer.close()
        return None

    return Ready(f"port {number} of {host} to accept connections", check)


def line(pattern: str, log: Path) -> Ready:
    """A line that matches, written to a log from now on: what an earlier start wrote does not count."""
    offset = size(log)

    async def check() -> str | None:
        return None if find_line(pattern, log, offset) else "no such line yet"

    return Ready(f"a line like {pattern!r} in {log.name}", check)


def find_line(pattern: str, log: Path, offset: int = 0) -> re.Match[str] | None:
    """The first whole line behind `offset` bytes that matches."""
    whole = text_of(log, offset).rpartition("\n")[0]
    return next((match for text in whole.splitlines() if (match := re.search(pattern, text))), None)


def text_of(log: Path, offset: int = 0) -> str:
    """What a log says behind an offset; nothing when it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def size(log: Path) -> int:
    """The offset behind all that a log says now."""
    return log.stat().st_size if log.exists() else 0


def url(address: str) -> Ready:
    """An HTTP address that answers with anything but a server's error."""
    import aiohttp  # a fifth of a second: only who waits for an address pays

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
