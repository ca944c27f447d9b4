"""A deployment of our own, that can be deployed: `harness verify --deploy-simulation`.

The reference server, or a command of the user's (`target` in verify.yaml), on a PostgreSQL of its own, started, replaced by another process at the same address, and gone afterwards with its database. What
must be undone is in undo.jsonl of `place`, and watched by a janitor: after a kill -9 nothing is left.
"""

import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.watched import watching
from harness.services.target import ManagedServer
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


@dataclass(frozen=True, slots=True)
class Simulated:
    """The server to start. The options of the reference server are those of `harness serve`."""

    spec: Spec | None = None  # of a server of the user's, with a `target`
    options: tuple[str, ...] = ()


@asynccontextmanager
async def simulated(place: Path, asked: Simulated) -> AsyncIterator[tuple[ManagedServer, Spec]]:
    """The server, and what is expected of it, the address of its database included."""
    async with (
        watching(place / "undo.jsonl"),
        postgres.embedded(place) as url,
        _server(place, asked, url) as server,
    ):
        yield server, _own(asked.spec, url) if asked.spec else expected(url, schema_of(asked.options))


def _server(place: Path, asked: Simulated, url: str) -> AbstractAsyncContextManager[ManagedServer]:
    own = asked.spec.target if asked.spec else None
    if own is None:
        return target.managed(place, url, arguments=[*SWEEPING, *asked.options], env=NOT_OURS)
    env = NOT_OURS | {own.database: url}
    return target.commanded(place, own.command, own.ready, mcp_url=own.url, env=env)


def _own(spec: Spec, url: str) -> Spec:
    """Of a server of the user's: its database is the one that was made for it; its queue, and how it is deployed elsewhere, are left alone."""
    database = replace(spec.database, dsn=url) if spec.database else None
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
