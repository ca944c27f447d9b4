"""A deployment of our own, that can be deployed: `harness verify --deploy-simulation`.

The reference server, or a command of the user's (`target` in verify.yaml), on a PostgreSQL or a schema of its own, started, replaced by another process at the same address, and gone afterwards with its database. What
must be undone is in undo.jsonl of `place`, and watched by a janitor: after a kill -9 nothing is left.
"""

import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from harness.foundation.errors import UNKNOWN, HarnessError
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable
from harness.run_directory.undo import UndoJournal
from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from harness.services.cleanup.leftover_databases import DATABASE
from harness.services.target import ManagedServer
from harness.verify.backends.database import WHY_CHARS, closed, connected, failures
from harness.verify.backends.placeholders import marked
from harness.verify.backends.trial_database import Place, apart
from harness.verify.spec.backends import (
    Asked,
    Column,
    Database,
    History,
    Migrate,
    Migrations,
    Process,
    Row,
    Table,
    Tasks,
)
from harness.verify.spec.model import Limits, Sessions, Spec, ToolCall

SCHEMA = "harness_target"
TABLES = {
    "sessions": Table({"id": "text", "expires_at": "timestamptz"}, ("sessions_pkey",)),
    "entries": Table({"log": "text", "entry": "text"}, ("entries_by_log",)),
    "tasks": Table({"id": "text", "status": "text"}, ("tasks_to_do",)),
    "task_history": Table({"task": "text", "status": "text"}, ("task_history_by_task",)),
}
MIGRATE = f"{shlex.quote(sys.executable)} -P -m harness.reference.migrate --schema {{{{schema}}}}"
# Expired sessions are cleaned away often, so that one that is cleaned too early is noticed.
SWEEPING, IDLE = ("--session-sweep", "1"), "4s"
NOT_OURS = {"AMQP_URL": "", "REDIS_URL": ""}  # the user's own brokers are for others


class NoSchemaError(HarnessError):
    """There is nowhere to simulate."""

    exit_code = UNKNOWN


@dataclass(frozen=True, slots=True)
class Simulated:
    """The server to start. The options of the reference server are those of `harness serve`."""

    spec: Spec | None = None  # of a server of the user's, with a `target`
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Serving:
    """The server, what is expected of it, and the journal of what must be undone."""

    server: ManagedServer
    spec: Spec  # the address of its database included
    undo: UndoJournal


@asynccontextmanager
async def simulated(place: Path, asked: Simulated) -> AsyncIterator[Serving]:
    """All of it started."""
    async with watching(place / "undo.jsonl") as undo, _at(place, asked, undo) as at:
        own = asked.spec.target if asked.spec else None
        if asked.spec is None or own is None:
            serving = target.managed(place, at.dsn, arguments=[*SWEEPING, *asked.options], env=NOT_OURS)
            spec = expected(at.dsn, schema_of(asked.options))
        else:
            command = [word.replace(marked("schema"), at.schema) for word in own.command]
            env = NOT_OURS | {own.database: at.dsn} | (at.environ if own.apart == "schema" else {})
            serving = target.commanded(place, command, own.ready, mcp_url=own.url, env=env)
            spec = _own(asked.spec, at)
        async with serving as server:
            if own is not None and own.apart == "schema":
                await _made_there(at)
            yield Serving(server, spec, undo)


@asynccontextmanager
async def _at(place: Path, asked: Simulated, undo: UndoJournal) -> AsyncIterator[Place]:
    """A PostgreSQL of its own; or, where verify.yaml says so, a schema of its own in the database that it names."""
    import asyncpg

    database = asked.spec.database if asked.spec else None
    own = asked.spec.target if asked.spec else None
    if database is None or own is None or own.apart == "server":
        async with postgres.embedded(place) as url:
            yield Place(url, database.schema if database else "public")
        return
    where = "the database of verify.yaml (database.dsn)"
    trial = apart(
        database,
        "schema",
        "deploy",
        lambda kind, name: undo.add(DATABASE, drop=kind, name=name, told=where).done,
    )
    async with AsyncExitStack() as stack:
        try:
            at = await stack.enter_async_context(trial)
        except failures(asyncpg) as error:
            raise NoSchemaError(
                f"No schema can be made in the database at {redact.url(database.dsn)}",
                printable(hide(str(error) or type(error).__name__), WHY_CHARS),
                "Start it, and let its user CREATE in that database; or leave target.apart out, for a PostgreSQL of its own",
            ) from error
        yield at


async def _made_there(at: Place) -> None:
    """Raise unless the server made tables in its schema: else it would write to those of somebody."""
    connection = await connected(at.dsn)
    try:
        made = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", at.schema)
    finally:
        await closed(connection)
    if not made:
        raise NoSchemaError(
            "The server made no table in the schema that was made for it",
            "Its writes would go elsewhere, so nothing was checked",
            "Let it go by the search_path of its DSN, by PGOPTIONS, or by {{schema}} in target.command",
        )


def _own(spec: Spec, at: Place) -> Spec:
    """Of a server of the user's: its database is what was made for it; its queue, and how it is deployed elsewhere, are left alone."""
    database = replace(spec.database, dsn=at.dsn, schema=at.schema) if spec.database else None
    return replace(spec, database=database, queue=None, deploy=None)


def expected(dsn: str, schema: str) -> Spec:
    """All that can be said of the reference server."""
    return Spec(
        limits=Limits(),
        write=ToolCall("append_entry", {"entry": "{{unique}}", "log": "{{unique}}"}),
        read=ToolCall("read_entries", {"log": "{{unique}}"}),
        sessions=Sessions(idle=cast("float", IDLE)),
        database=Database(
            dsn,
            schema,
            TABLES,
            Migrations("migrations", "number", ("1", "2", "3", "4", "5", "6")),
            Migrate(MIGRATE, f"{MIGRATE} --to 3"),
            Column("entries", "entry"),
        ),
        tasks=Tasks(
            submit=Asked(post="/tasks", json={"kind": "wait", "arguments": {"seconds": 0}}),
            poll=Asked(get="/tasks/{{id}}"),
            row=Row("tasks"),
            history=History("task_history", order="number"),
        ),
        process=Process(listens=True),
    )


def schema_of(arguments: Sequence[str]) -> str:
    """Return the schema of its tables, from its options."""
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == "--schema":
            return value if equals else "".join(arguments[index + 1 : index + 2])
    return SCHEMA
