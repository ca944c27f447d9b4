"""Open the history: connect to its server, or start it, and bring its tables up to date.

    async with opened(place, allowed_hosts) as connection:

Tables are in the schema `harness_history`. Migrations are SQL files with a number, applied in order, each in a
transaction of its own, one process at a time; there is no way back. A history that a newer harness has changed is
refused. Every wait is bounded; whatever goes wrong is a HistoryGoneError in three lines, without the password.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from typing import Final, TypeAlias

import asyncpg

from harness.foundation.addresses import resolved
from harness.foundation.clock import within
from harness.foundation.errors import HarnessError
from harness.foundation.secrets.hiding import hide
from harness.history.location import URL, HistoryGoneError, Place, vetted
from harness.run_directory.disk_space import blame
from harness.services.backends.kept_postgres import kept

SCHEMA: Final = "harness_history"
WAIT_S: Final = 20.0  # for somebody else who has the embedded server
CONNECT_S: Final = 10.0
COMMAND_S: Final = 60.0
LOCK: Final = 0x6D63702D  # the advisory lock of migrations
TROUBLE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def opened(
    where: Place, allowed_hosts: Collection[str] = (), wait_s: float = WAIT_S
) -> AsyncIterator[Connection]:
    """A connection to the history, its tables up to date."""
    if not where.url:
        try:
            server = kept(where.database, wait_s)
            async with server as url, _connected(url, str(where.database)) as connection:
                yield connection
        except OSError as error:
            raise blame(error) or _gone(str(where.database), error) from error
        return
    vetting = await asyncio.to_thread(vetted, where, allowed_hosts)
    with resolved.in_force(vetting):
        try:
            url = await resolved.by_number(where.url)
        except OSError as error:
            raise _gone(f"that {URL} names", error) from error
        async with _connected(url, f"that {URL} names") as connection:
            yield connection


@asynccontextmanager
async def _connected(url: str, named: str) -> AsyncIterator[Connection]:
    try:
        async with within(CONNECT_S):
            connection = await asyncpg.connect(
                url,
                timeout=CONNECT_S,
                command_timeout=COMMAND_S,
                server_settings={"search_path": SCHEMA, "application_name": "mcp-harness", "jit": "off"},
            )
    except (*TROUBLE, ValueError) as error:
        raise _gone(named, error) from error
    try:
        await migrate(connection)
        yield connection
    except TROUBLE as error:
        raise _gone(named, error) from error
    finally:
        with suppress(*TROUBLE):
            await connection.close(timeout=CONNECT_S)


async def migrate(connection: Connection) -> int:
    """Apply the migrations that the history has not got; return its version."""
    steps = migrations()
    version = await _version(connection)
    if version < len(steps):
        async with connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, at timestamptz DEFAULT now())"
            )
            version = await _version(connection)
            for number, text in list(enumerate(steps, 1))[version:]:
                await connection.execute(text)
                await connection.execute("INSERT INTO migrations (version) VALUES ($1)", number)
    if version > len(steps):
        raise HistoryGoneError(
            "The history was written by a newer version of the harness",
            f"Its tables have version {version}, and this harness knows {len(steps)}",
            "Update the harness, or use another history",
        )
    return len(steps)


def migrations() -> list[str]:
    """The SQL of every migration, in order."""
    names = sorted(
        (
            one
            for one in files("harness.history").joinpath("migrations").iterdir()
            if one.name.endswith(".sql")
        ),
        key=lambda one: one.name,
    )
    return [one.read_text(encoding="utf-8") for one in names]


async def _version(connection: Connection) -> int:
    if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.migrations") is None:
        return 0
    return int(await connection.fetchval("SELECT coalesce(max(version), 0) FROM migrations"))


def _gone(named: str, error: BaseException) -> HarnessError:
    """The error for a server that does not do what is asked; what it said is in one line, without secrets."""
    why = str(error) or (
        "It did not answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    )
    return HistoryGoneError(
        f"The history cannot be used: the PostgreSQL {named}"
        if named.startswith("that")
        else f"The history in {named} cannot be used",
        hide(" ".join(why.split())),
        f"Start it, or look at {URL}; runs that could not be stored are kept for `harness history push`"
        if named.startswith("that")
        else "`harness doctor` says what is missing; runs that could not be stored are kept for `harness history push`",
    )
