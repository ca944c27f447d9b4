"""Which servers answer: those that DATABASE_URL, TOXIPROXY_URL, AMQP_URL and REDIS_URL name.

Each is spoken to in its own protocol, within seconds; passwords are never shown. One that is not named is no fault:
the finding says what serves in its place.
"""

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, unquote, urlsplit

from harness.clock import within
from harness.doctor.finding import Finding, State
from harness.record import redact
from harness.services import toxiproxy

ANSWER_S = 3.0
AMQP_HEADER = b"AMQP\x00\x00\x09\x01"  # 0-9-1
AMQP_METHOD_FRAME = 1

Ask = Callable[[str], Awaitable[str]]


class _NoAnswerError(Exception):
    """Why, in words."""


async def database() -> Finding:
    """The reference server's, and a run cannot do without it when it is named."""
    return await _named("DATABASE_URL", "an embedded PostgreSQL is started", _postgresql, "missing")


async def queue() -> Finding:
    """RabbitMQ, or what speaks like it."""
    return await _named("AMQP_URL", "PostgreSQL serves as the queue", _amqp, "warning")


async def cache() -> Finding:
    """Redis, or what speaks like it."""
    return await _named("REDIS_URL", "PostgreSQL keeps the sessions", _redis, "warning")


async def fault_injector() -> Finding:
    """Toxiproxy, as a run would find it."""
    found = await toxiproxy.status()
    if not found.named:
        own = "a run starts one of its own" if found.program else "network faults need a Toxiproxy first"
        return Finding("TOXIPROXY_URL", "good", f"not set: {own}")
    if found.problem:
        todo = "start it (`harness toxiproxy start`), or unset TOXIPROXY_URL"
        return Finding("TOXIPROXY_URL", "warning", found.problem, "network faults", todo)
    answer = f"{redact.url(found.url)} answers: version {found.version}, proxies: {found.proxies}"
    return Finding("TOXIPROXY_URL", "good", answer)


async def _named(variable: str, otherwise: str, ask: Ask, when_silent: State) -> Finding:
    url = os.environ.get(variable)
    if not url:
        return Finding(variable, "good", f"not set: {otherwise}")
    try:
        shown = redact.url(url)
    except ValueError:
        shown = "it is no URL"  # and may hold a password all the same
    try:
        async with within(ANSWER_S):
            said = await ask(url)
    except TimeoutError:
        why = f"no answer in {ANSWER_S:g}s"
    except (OSError, ValueError, _NoAnswerError, asyncio.IncompleteReadError) as error:
        why = str(error)
    else:
        return Finding(variable, "good", f"{shown} answers: {said}")
    return Finding(
        variable,
        when_silent,
        f"{shown}: {why}",
        f"without the variable {otherwise}",
        f"start it, or unset {variable}",
    )


async def _postgresql(url: str) -> str:
    import asyncpg

    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_S)
        try:
            return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
        finally:
            await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _NoAnswerError(str(error)) from error


async def _amqp(url: str) -> str:
    """It begins with its own properties as soon as it has heard which protocol is spoken."""
    reader, writer = await _open(urlsplit(url), 5672, 5671)
    try:
        writer.write(AMQP_HEADER)
        frame = await reader.readexactly(7)
        if frame[0] != AMQP_METHOD_FRAME:
            raise _NoAnswerError(f"it does not speak AMQP 0-9-1: it says {frame!r}")
    finally:
        writer.close()
    return "AMQP 0-9-1"


async def _redis(url: str) -> str:
    parts = urlsplit(url)
    reader, writer = await _open(parts, 6379, 6380)
    try:
        if parts.password:
            who = [unquote(parts.username)] if parts.username else []
            writer.write(_command("AUTH", *who, unquote(parts.password)))
            if not (answer := await reader.readline()).startswith(b"+OK"):
                raise _NoAnswerError(_line(answer))
        writer.write(_command("PING"))
        if not (answer := await reader.readline()).startswith(b"+PONG"):
            raise _NoAnswerError(_line(answer))
    finally:
        writer.close()
    return "PONG"


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def _line(answer: bytes) -> str:
    return f"it says {answer.decode(errors='replace').strip()!r}" if answer else "it closed the connection"


async def _open(
    parts: SplitResult, port: int, port_tls: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not parts.hostname:
        raise _NoAnswerError(f"it is no address such as {parts.scheme or 'redis'}://127.0.0.1:{port}")
    tls = parts.scheme.endswith("s") and parts.scheme != "redis"
    context = ssl.create_default_context() if tls else None
    return await asyncio.open_connection(
        parts.hostname, parts.port or (port_tls if tls else port), ssl=context, limit=4096
    )
