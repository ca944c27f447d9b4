"""`harness serve`: run the reference server and its database as children, until Ctrl-C.

Logs and undo.jsonl are in a temporary directory. It is removed when the server ends, also when we are killed,
since it is the first entry of undo.jsonl.
"""

import asyncio
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import click

from harness.cli.backends import Backends
from harness.foundation.addresses import resolved
from harness.foundation.addresses.address import AddressError, host_of, shown
from harness.foundation.errors import PASSED, UsageError, not_started
from harness.reference import flags
from harness.reference.keys import FIRST_KEY
from harness.reference.settings import Settings
from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from harness.services.cleanup.leftovers import PREFIX
from harness.services.processes.process import how
from harness.services.target import ManagedServer

EMBEDDED: Final = "postgresql://embedded"  # stands for the one that is started
BROKERS: Final = {
    "amqp_url": "AMQP_URL",
    "redis_url": "REDIS_URL",
}  # told by the environment, which hides passwords


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """The request of `harness serve`; `settings` are command-line words for the target, `brokers` its environment."""

    host: str
    port: int
    database_url: str | None = field(repr=False)
    settings: tuple[str, ...] = ()
    brokers: Mapping[str, str] = field(default_factory=dict, repr=False)


def serve(
    host: str,
    port: int,
    database_url: str | None,
    allowed_backends: Sequence[str] = (),
    **settings: Any,
) -> int:
    """Serve until a signal; return the exit code. Invalid settings are refused before anything starts."""
    host = _ours(host)
    checked = flags.settings({"database_url": database_url or EMBEDDED, **settings})
    urls = _backends(checked, database_url, settings).vetted(allowed_backends).urls
    url, brokers = urls["DATABASE_URL"], {variable: urls[variable] for variable in BROKERS.values()}
    if checked.worker:
        amqp_url, redis_url = (brokers[variable] for variable in BROKERS.values())
        numbers = replace(checked, database_url=url or EMBEDDED, amqp_url=amqp_url, redis_url=redis_url)
        return _work(numbers, database_url)
    words = flags.arguments({name: value for name, value in settings.items() if name not in BROKERS})
    return asyncio.run(_serve(ServeRequest(host, port, url or None, tuple(words), brokers)))


def _backends(checked: Settings, database_url: str | None, typed: Mapping[str, Any]) -> Backends:
    """Where its data is, from options and environment."""
    urls = {"DATABASE_URL": database_url or ""}
    urls |= {variable: getattr(checked, name) for name, variable in BROKERS.items()}
    return Backends(
        urls, {variable: flags.option(name) for name, variable in BROKERS.items() if typed.get(name)}
    )


def _ours(host: str) -> str:
    """Return the address of `host`; raise UsageError if we cannot listen on it."""
    try:
        address = host_of(host)
        with socket.create_server((address, 0), family=resolved.family(address)):
            return address
    except AddressError as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or str(error)
    raise UsageError(
        f"Cannot listen at {shown(host)!r}", why, "Give an address of this machine: --host 127.0.0.1"
    )


def _work(settings: Settings, database_url: str | None) -> int:
    """Run a task worker in this process; nothing else needs to be started or undone."""
    if not database_url:
        raise UsageError(
            "A worker needs the database of a server.",
            "Neither --database-url nor DATABASE_URL names one; an embedded one would have no tasks.",
            "harness serve --worker --database-url postgresql://user@127.0.0.1:5432/postgres",
        )
    from harness.reference.serve import run

    return run(settings)


async def _serve(asked: ServeRequest) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    asking = asyncio.ensure_future(stopping.wait())
    serving = asyncio.ensure_future(_serve_until(stopping, asked))
    await asyncio.wait({asking, serving}, return_when=asyncio.FIRST_COMPLETED)
    asking.cancel()
    if not stopping.is_set():
        return await serving
    try:
        return await asyncio.wait_for(serving, timeout=30)
    except TimeoutError:
        return PASSED


async def _serve_until(stopping: asyncio.Event, asked: ServeRequest) -> int:
    async with _started(asked) as server:
        click.echo(f"harness target ready on {server.base_url}")
        click.echo(f"MCP at {server.mcp_url}, WebSocket at {server.mcp_url}/ws; Ctrl-C ends it", err=True)
        for line in server.process.child.log_text().splitlines():
            if line.startswith(FIRST_KEY):
                click.echo(line, err=True)
        ended = asyncio.ensure_future(server.process.child.wait())
        asking = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({ended, asking}, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        if not ended.done():
            ended.cancel()
            return PASSED
        child = server.process.child
        raise not_started(child.returncode, child.part)(
            f"The reference server ended by itself: {how(child.returncode)}",
            child.last_words(),
            "Start it again",
        )


@asynccontextmanager
async def _started(asked: ServeRequest) -> AsyncIterator[ManagedServer]:
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}serve-", ignore_cleanup_errors=True) as place:
        directory = Path(place)
        async with watching(directory / "undo.jsonl") as undo:
            undo.directory(directory)
            async with (
                _database(directory, asked.database_url) as url,
                target.managed(
                    directory,
                    url,
                    port=asked.port,
                    host=asked.host,
                    arguments=asked.settings,
                    env=asked.brokers,
                ) as server,
            ):
                yield server


@asynccontextmanager
async def _database(directory: Path, given: str | None) -> AsyncIterator[str]:
    if given:
        yield given
        return
    async with postgres.embedded(directory) as url:
        yield url
