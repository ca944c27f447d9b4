"""A deployment of our own, that can be deployed: `harness verify --deploy-simulation`.

The reference server on a PostgreSQL of its own, started, replaced by another process at the same address, and gone afterwards with its database. What
must be undone is in undo.jsonl of `place`, and watched by a janitor: after a kill -9 nothing is left.
"""

import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.watched import watching
from harness.services.target import ManagedServer
from harness.verify.spec.behind import (
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


@asynccontextmanager
async def simulated(place: Path, arguments: Sequence[str]) -> AsyncIterator[tuple[ManagedServer, Spec]]:
    """The server, and what is expected of it; its options are those of `harness serve`."""
    async with (
        watching(place / "undo.jsonl"),
        postgres.embedded(place) as url,
        target.managed(place, url, arguments=[*SWEEPING, *arguments], env=NOT_OURS) as server,
    ):
        yield server, expected(url, schema_of(arguments))


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
    """That of its tables, as its options say."""
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == "--schema":
            return value if equals else "".join(arguments[index + 1 : index + 2])
    return SCHEMA
