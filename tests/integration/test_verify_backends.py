"""`harness verify` looks behind a deployment: real PostgreSQL, real RabbitMQ, the reference server, sound and broken."""

import asyncio
import shlex
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import yaml

from harness.cli import main
from harness.run_directory.undo import UndoJournal, read_open
from harness.services import target
from harness.verify.finding import Result
from harness.verify.settings import Settings
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests import waiting
from tests.brokers import Broker
from tests.fakes.deployment import deployed

TABLES = {
    "sessions": {
        "columns": {"id": "text", "expires_at": "timestamptz", "requests": "int8"},
        "indexes": ["sessions_pkey"],
    },
    "entries": {"columns": {"entry": "text"}, "indexes": ["entries_by_log"]},
    "tasks": {"columns": {"status": "", "arguments": "jsonb"}, "indexes": ["tasks_to_do"]},
}
COLUMNS, INDEXES = "their columns are there", "their indexes are there"
MIGRATED, CRASH = "its migrations are applied", "its tables survive a crash of their server"
COMMITTED = "what is acknowledged is in the database"
DURABLE, CONSUMED = "its queue survives a crash of its broker", "its queue is consumed"


class Behind:
    """One reference server on a schema of its own, with a queue, and what is expected of it."""

    def __init__(self, url: str, dsn: str, broker: Broker, schema: str) -> None:
        self.url, self.dsn, self.broker, self.schema = url, dsn, broker, schema
        self.expected: dict[str, Any] = {
            "database": {
                "dsn": "${DSN}",
                "schema": schema,
                "tables": TABLES,
                "migrations": {"table": "migrations", "column": "number", "applied": [1, 2, 3, 4, 5, 6]},
                "written": {"table": "entries", "column": "entry"},
            },
            "queue": {"url": "${AMQP}", "name": f"{schema}.tasks"},
            "write": {"call": "append_entry", "args": {"entry": "{{unique}}", "log": "{{unique}}"}},
        }

    async def verified(
        self,
        *,
        categories: tuple[str, ...] = ("reach", "data", "queue"),
        pattern: str = "",
        paths: tuple[str, ...] = (),
        **more: Any,
    ) -> dict[str, Result]:
        environ = {"DSN": self.dsn, "AMQP": self.broker.url, "MANAGEMENT": self.broker.management_url or ""}
        spec = spec_of(self.expected | more, "verify.yaml", environ)
        settings = Settings(
            self.url,
            allow_deploy=True,
            keep_going=True,
            allow_writes=True,
            spec=spec,
            categories=frozenset(categories),
            pattern=pattern,
        )
        suite = await asyncio.to_thread(verify, settings, paths, lambda _: None)
        return {result.name: result for result in suite.results}

    async def execute(self, sql: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(sql.format(schema=self.schema))
        finally:
            await connection.close()


@asynccontextmanager
async def behind(place: Path, dsn: str, broker: Broker, *options: str) -> AsyncIterator[Behind]:
    schema = f"verify_{uuid.uuid4().hex[:12]}"
    async with target.managed(
        place, dsn, arguments=["--schema", schema, *options], env={"AMQP_URL": broker.url, "REDIS_URL": ""}
    ) as started:
        yield Behind(started.mcp_url, dsn, broker, schema)


def wrong(found: dict[str, Result]) -> dict[str, str]:
    return {name: each.why for name, each in found.items() if each.outcome in {"failed", "unknown"}}


async def test_what_stands_behind_a_sound_deployment_passes_and_what_is_missing_is_named(
    undo: UndoJournal, tmp_path: Path, postgres_url: str, rabbitmq: Broker
) -> None:
    """One server; its database is broken in one way after the other, as a deploy that went wrong would leave it."""
    async with behind(tmp_path, postgres_url, rabbitmq) as found:
        sound = await found.verified()
        by_management = await found.verified(
            queue={"management": "${MANAGEMENT}", "name": f"{found.schema}.tasks"}, categories=("queue",)
        )
        assert wrong(sound) == wrong(by_management) == {}
        assert {each.outcome for each in by_management.values() if each.priority == 1} == {"passed"}
        passed = {name for name, each in sound.items() if each.outcome == "passed"}
        assert {
            "its tables are there",
            COLUMNS,
            INDEXES,
            MIGRATED,
            CRASH,
            COMMITTED,
            DURABLE,
            CONSUMED,
        } <= passed

        await found.execute('DELETE FROM "{schema}".migrations WHERE number = 6')
        await found.execute('DROP INDEX "{schema}".entries_by_log')
        await found.execute('ALTER TABLE "{schema}".tasks RENAME arguments TO parameters')
        await found.execute('ALTER TABLE "{schema}".sessions ALTER requests TYPE int')
        assert wrong(await found.verified(categories=("data",))) == {
            MIGRATED: "migration 6 is not applied",
            INDEXES: "entries has no index entries_by_log",
            COLUMNS: "sessions.requests is integer, not int8\ntasks has no column arguments",
        }
        await found.execute('DROP TABLE "{schema}".tasks')
        assert (
            "there is no table tasks"
            in wrong(await found.verified(categories=("data",)))["its tables are there"]
        )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--break", "no-durability"], {CRASH, DURABLE}),
        (["--break", "ack-before-commit"], {COMMITTED}),
        (["--task-workers", "0"], {CONSUMED}),
    ],
)
async def test_a_deployment_that_is_broken_behind_is_named_by_the_check_for_it(
    options: list[str],
    named: set[str],
    undo: UndoJournal,
    tmp_path: Path,
    postgres_url: str,
    rabbitmq: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And by no other."""
    monkeypatch.setattr("harness.verify.checks.test_p1_queue.CONSUMED_S", 1.0)
    async with behind(tmp_path, postgres_url, rabbitmq, *options) as found:
        assert set(wrong(await found.verified())) == named


OWN = '''
"""A check of a user's own, with what stands behind the deployment."""
import pytest
pytestmark = pytest.mark.tasks

def test_it_is_done_once(tasks, database, queue, deploy):
    task = tasks.submit()
    assert tasks.ended(task) == "completed"
    assert tasks.row(task) == "completed"
    effects = database.value(f"SELECT count(*) FROM {database.table('task_effects')} WHERE task = $1", task)
    assert effects == database.value("SELECT count(*) FROM task_effects WHERE task = $1", task) == 1
    with pytest.raises(Exception, match="read-only transaction"):
        database.fetch("DELETE FROM task_effects")
    assert queue.look().consumers >= 1
    assert deploy.process() is None
'''


async def test_checks_of_a_user_s_own_have_what_stands_behind_the_deployment(
    undo: UndoJournal, tmp_path: Path, postgres_url: str, rabbitmq: Broker
) -> None:
    """By the same fixtures; what they ask of the database cannot change it."""
    own = tmp_path / "test_p1_own.py"
    own.write_text(OWN)
    tasks = {
        "submit": {"post": "/tasks", "json": {"kind": "wait", "arguments": {"seconds": 0}}},
        "poll": {"get": "/tasks/{{id}}"},
        "row": {"table": "tasks"},
    }
    async with behind(tmp_path, postgres_url, rabbitmq) as found:
        results = await found.verified(
            categories=("tasks",),
            pattern="done_once",
            paths=(str(own),),
            tasks=tasks,
            deploy={"command": "true"},
        )

    assert wrong(results) == {}
    assert results["it is done once"].outcome == "passed"


MIGRATE = f"{shlex.quote(sys.executable)} -m harness.reference.migrate --schema {{{{schema}}}}"
EMPTY, OLDER = "its migrations apply to an empty database", "its migrations apply to an older database"


async def test_migrations_are_tried_apart_and_what_differs_is_named(
    undo: UndoJournal, tmp_path: Path, postgres_url: str, rabbitmq: Broker
) -> None:
    """In a schema and in a database of their own, of which nothing is left."""
    async with behind(tmp_path, postgres_url, rabbitmq) as found:

        async def tried(**migrate: str) -> dict[str, str]:
            data = found.expected["database"] | {"migrate": {"command": MIGRATE} | migrate}
            return wrong(
                await found.verified(categories=("data",), pattern="migrations_apply", database=data)
            )

        assert await tried(older=f"{MIGRATE} --to 3") == {}
        assert await tried(older=f"{MIGRATE} --to 1", apart="database") == {}
        assert await tried(older="true") == {
            OLDER: "database.migrate.older made no table in the schema that was made for it"
        }
        apart = await tried(command=f"{MIGRATE} --to 5", older=MIGRATE)
        assert set(apart) == {OLDER}
        assert "is newer than this program" in apart[OLDER]
        assert "the schema that was made for it" in (await tried(command="true"))[EMPTY]
        assert (await tried(command=f"{MIGRATE} --to 3"))[
            EMPTY
        ] == "there is no table entries\nthere is no table tasks"
        connection = await asyncpg.connect(found.dsn)
        left = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'verify_migrate_%' UNION SELECT datname FROM pg_database WHERE datname LIKE 'verify_migrate_%'"
        assert await connection.fetch(left) == []
        await connection.close()


async def test_what_stands_behind_a_good_deployment_is_learnt_and_holds_for_it_alone(
    undo: UndoJournal,
    tmp_path: Path,
    postgres_url: str,
    rabbitmq: Broker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By both addresses of a queue; no password is written down."""
    place, out = tmp_path / "verify.yaml", ["--out", str(tmp_path / "out")]
    monkeypatch.setenv("SHOP_DB", postgres_url)
    monkeypatch.setenv("SHOP_QUEUE", rabbitmq.url)
    async with behind(tmp_path, postgres_url, rabbitmq) as found:
        learn = [
            "verify",
            "--url",
            found.url,
            "--learn",
            "--spec",
            str(place),
            "--database",
            f"SHOP_DB:{found.schema}",
        ]
        at_queue = ["--queue", f"SHOP_QUEUE:{found.schema}.tasks"]
        assert await asyncio.to_thread(main.run, [*learn, *at_queue]) == 0
        check = [
            "verify",
            "--url",
            found.url,
            str(place),
            *out,
            "--priority",
            "1",
            "--category",
            "data",
            "--category",
            "queue",
        ]
        assert await asyncio.to_thread(main.run, check) == 0
        await found.execute('ALTER TABLE "{schema}".entries DROP COLUMN client')
        assert await asyncio.to_thread(main.run, [*check, "--keep-going"]) == 1
        told = capsys.readouterr()
        refused = await asyncio.to_thread(
            main.run,
            [
                "verify",
                "--url",
                found.url,
                "--learn",
                "--spec",
                str(tmp_path / "out" / "x"),
                "--queue",
                "SHOP_QUEUE:no.such",
            ],
        )
    said = place.read_text()
    data = yaml.safe_load(said)

    assert refused == 2
    assert "There is no queue no.such" in capsys.readouterr().err
    assert "entries has no column client" in told.out
    assert data["database"]["dsn"] == "${SHOP_DB}"
    assert data["database"]["migrations"] == {
        "table": "migrations",
        "column": "number",
        "applied": list("123456"),
    }
    assert data["database"]["tables"]["tasks"]["columns"]["arguments"] == "jsonb"
    assert data["queue"] == {
        "url": "${SHOP_QUEUE}",
        "name": f"{found.schema}.tasks",
        "consumers": 1,
        "durable": True,
    }
    assert urlsplit(postgres_url).password not in said + told.out + told.err


async def test_workers_that_were_stopped_go_on_after_a_kill_9(tmp_path: Path) -> None:
    """By the user's own command, which the janitor runs; it is in no file."""
    resume = f"echo on >> {shlex.quote(str(tmp_path / 'resumed'))}"
    tasks = {
        "submit": {"call": "look", "args": {"at": "this"}},
        "poll": {"call": "look"},
        "pause": f"touch {shlex.quote(str(tmp_path / 'paused'))}",
        "resume": resume,
    }
    (tmp_path / "verify.yaml").write_text(yaml.safe_dump({"tasks": tasks}))
    async with deployed("no modern", "calls hang") as (url, _):
        argv = [
            sys.executable,
            "-m",
            "harness",
            "verify",
            "--url",
            url,
            "--out",
            str(tmp_path),
            "--allow-writes",
        ]
        argv += [
            "--allow-deploy",
            "-k",
            "waits_for_its_worker",
            "--timeout",
            "60s",
            str(tmp_path / "verify.yaml"),
        ]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        await asyncio.to_thread(waiting.until, (tmp_path / "paused").exists)
        process.kill()
        process.wait()
        await asyncio.to_thread(waiting.until, (tmp_path / "resumed").exists)
    (undo,) = (tmp_path / "verify").glob("2*/undo.jsonl")
    await asyncio.to_thread(waiting.until, lambda: read_open(undo) == [])

    assert (tmp_path / "resumed").read_text() == "on\n"
    assert resume not in undo.read_text()
