"""Checks whether the servers answer that DATABASE_URL, TOXIPROXY_URL, AMQP_URL and REDIS_URL name.

Each check logs in with the library that the reference server uses, within seconds, and only where a run could
connect: on this machine, or to an allowed host; passwords are never shown. A variable that is not set is no
problem: the finding says what serves in its place.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from harness.conduct.setup import vetted_addresses
from harness.doctor.finding import DoctorFinding, State
from harness.foundation.addresses import resolved
from harness.foundation.addresses.vetting import VettedAddresses
from harness.foundation.clock import within
from harness.foundation.errors import HarnessError
from harness.foundation.secrets import redact
from harness.services.toxiproxy import server

ANSWER_S = 3.0

Ask = Callable[[str], Awaitable[str]]


class _NoAnswerError(Exception):
    """The server did not answer as it should; the message says why."""


async def database(allowed_hosts: Sequence[str] = ()) -> DoctorFinding:
    """Check the reference server's database; when one is named, a run needs it."""
    return await _named(
        "DATABASE_URL", "an embedded PostgreSQL is started", _postgresql, "missing", allowed_hosts
    )


async def queue(allowed_hosts: Sequence[str] = ()) -> DoctorFinding:
    """Check RabbitMQ, or another server that speaks its protocol."""
    return await _named("AMQP_URL", "PostgreSQL serves as the queue", _amqp, "warning", allowed_hosts)


async def cache(allowed_hosts: Sequence[str] = ()) -> DoctorFinding:
    """Check Redis, or another server that speaks its protocol."""
    return await _named("REDIS_URL", "PostgreSQL keeps the sessions", _redis, "warning", allowed_hosts)


async def fault_injector(allowed_hosts: Sequence[str] = ()) -> DoctorFinding:
    """Check Toxiproxy as a run would find it."""
    status = await injector_status(allowed_hosts)
    if not status.named:
        own = "a run starts one of its own" if status.program else "network faults need a Toxiproxy first"
        return DoctorFinding("TOXIPROXY_URL", "good", f"not set: {own}")
    if status.problem:
        todo = "start it (`harness toxiproxy start`), or unset TOXIPROXY_URL"
        return DoctorFinding("TOXIPROXY_URL", "warning", status.problem, "network faults", todo)
    answer = f"{redact.url(status.url)} answers: version {status.version}, proxies: {status.proxies}"
    return DoctorFinding("TOXIPROXY_URL", "good", answer)


async def injector_status(allowed_hosts: Sequence[str]) -> server.Status:
    """Return Toxiproxy's status; it is asked only where a run could connect."""
    url = os.environ.get("TOXIPROXY_URL")
    try:
        with resolved.in_force(await _vetted("TOXIPROXY_URL", url, allowed_hosts) if url else {}):
            return await server.status()
    except HarnessError as error:
        return await server.status(refused=". ".join(error.lines()))


async def _vetted(variable: str, url: str, allowed_hosts: Sequence[str]) -> VettedAddresses:
    wanted = vetted_addresses.named(variable, url)
    return await vetted_addresses.looked_up([] if wanted is None else [wanted], allowed_hosts)


async def _named(
    variable: str, otherwise: str, ask: Ask, when_silent: State, allowed_hosts: Sequence[str]
) -> DoctorFinding:
    url = os.environ.get(variable)
    if not url:
        return DoctorFinding(variable, "good", f"not set: {otherwise}")
    try:
        shown = redact.url(url)
    except ValueError:
        shown = "it is no URL"  # and may hold a password all the same
    try:
        with resolved.in_force(await _vetted(variable, url, allowed_hosts)):
            async with within(ANSWER_S):
                reply = await ask(url)
    except HarnessError as error:
        what = f"{error.what}. {error.why}"
        return DoctorFinding(variable, when_silent, what, f"without the variable {otherwise}", error.todo)
    except TimeoutError:
        why = f"no answer in {ANSWER_S:g}s"
    except ModuleNotFoundError as error:
        why = (
            f"it cannot be asked: the Python package {(error.name or '').partition('.')[0]} is not installed"
        )
    except (OSError, ValueError, _NoAnswerError) as error:
        why = str(error)
    else:
        return DoctorFinding(variable, "good", f"{shown} answers: {reply}")
    return DoctorFinding(
        variable,
        when_silent,
        f"{shown}: {why}",
        f"without the variable {otherwise}",
        f"start it, or unset {variable}",
    )


async def _postgresql(url: str) -> str:
    import asyncpg

    try:
        connection = await asyncpg.connect(await resolved.by_number(url), timeout=ANSWER_S)
        try:
            return f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
        finally:
            await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _NoAnswerError(str(error)) from error


async def _amqp(url: str) -> str:
    """Log in to the broker, and declare nothing."""
    import aio_pika
    from aio_pika.exceptions import AMQPError, ProtocolSyntaxError

    _check_address(url, "amqp", 5672)
    # The library also logs its errors, which without a handler would go to standard error.
    logging.getLogger("aiormq").addHandler(logging.NullHandler())
    try:
        connection = await aio_pika.connect(url, timeout=ANSWER_S)
        await connection.close()
    except ProtocolSyntaxError as error:
        why = f"it does not speak AMQP 0-9-1: {error}"
        if "Connection.OpenOk" in str(error):  # the library drops the server's reason
            why = "the login works, but the virtual host in the address cannot be opened"
        raise _NoAnswerError(why) from error
    except AMQPError as error:
        cut = error.__cause__
        if isinstance(cut, asyncio.IncompleteReadError) and cut.partial:
            raise _NoAnswerError(f"it does not speak AMQP 0-9-1: it says {cut.partial!r}") from error
        raise _NoAnswerError(str(cut or error)) from error
    return "AMQP 0-9-1"


async def _redis(url: str) -> str:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    _check_address(url, "redis", 6379)
    client = Redis.from_url(
        url,
        protocol=2,  # which every server understands
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        async with client:
            await client.ping()
    except RedisError as error:
        code = getattr(error, "status_code", None)
        closed = isinstance(
            error.__context__, ConnectionResetError | BrokenPipeError
        ) or "closed by server" in str(error)
        why = "it closed the connection" if closed else str(error)
        raise _NoAnswerError(f"it says '-{code} {error}'" if code else why) from error
    return "PONG"


def _check_address(url: str, scheme: str, port: int) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {scheme, f"{scheme}s"} or not parts.hostname or parts.port == 0:
        raise _NoAnswerError(f"it is no address such as {scheme}://127.0.0.1:{port}")
