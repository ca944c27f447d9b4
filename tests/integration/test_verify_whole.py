"""`harness verify verify.yaml` of a whole deployment, as a user has it: server, worker, PostgreSQL, RabbitMQ, Redis, commands of its own; sound and broken."""

import asyncio
import shlex
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.services.processes.ports import free_port
from harness.verify.finding import Result
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.spec.read import spec_of
from harness.verify.suite import verify
from tests.brokers import Broker
from tests.fakes import orchestrated

SESSION = "a session that was open before a deploy works after it"
WRITTEN = "what was acknowledged before a deploy is there after it"
COMMITTED = "what is acknowledged is in the database"
MIGRATE = f"{shlex.quote(sys.executable)} -m harness.reference.migrate --schema {{{{schema}}}}"
ENDS = "a task comes to its end"


def expected(schema: str, place: Path) -> dict[str, Any]:
    """All that a user could say of it."""
    return {
        "identity": {"name": "harness-target"},
        "write": {"call": "append_entry", "args": {"entry": "{{unique}}", "log": "{{unique}}"}},
        "read": {"call": "read_entries", "args": {"log": "{{unique}}"}},
        "sessions": {"required": True, "delete": True, "idle": "2s"},
        "health": {"url": "/health", "contains": "healthy"},
        "database": {
            "dsn": "${DSN}",
            "schema": schema,
            "tables": {"tasks": {"columns": {"id": "text"}, "indexes": ["tasks_to_do"]}, "entries": {}},
            "migrations": {"table": "migrations", "column": "number", "applied": [6]},
            "written": {"table": "entries", "column": "entry"},
            "migrate": {"command": MIGRATE, "older": f"{MIGRATE} --to 2"},
        },
        "queue": {"url": "${AMQP}", "management": "${MANAGEMENT}", "name": f"{schema}.tasks"},
        "tasks": {
            "submit": {"post": "/tasks", "json": {"kind": "wait", "arguments": {"seconds": 0}}},
            "poll": {"get": "/tasks/{{id}}"},
            "row": {"table": "tasks"},
            "history": {"table": "task_history", "order": "number"},
            "pause": orchestrated.line(place, "pause"),
            "resume": orchestrated.line(place, "resume"),
        },
        "deploy": {"command": orchestrated.line(place, "deploy")},
        "process": {"pid_file": str(place / "server.pid")},
    }


# It has no TLS, no credentials, no HTTP+SSE, no lock, and promises nothing of its results.
NOT_TRIED = {
    "the certificate is valid for long enough",
    "who brings no credentials is refused",
    "who brings bad credentials is refused",
    "who knows a session but brings no credentials is refused",
    "nobody opens a websocket without credentials",
    "clients can find out who gives credentials",
    "a session is opened and lists its tools",
    "its tools are those of the lock",
    "every declared safe call works",
    "a tool that only reads answers",
    "a session is opened after a deploy",
    "what a tool brings matches its output schema",
}


class Whole:
    """Where it is, and what is expected of it."""

    def __init__(self, url: str, said: dict[str, Any], environ: dict[str, str]) -> None:
        self.url, self.said, self.environ = url, said, environ

    async def verified(self, *categories: str, **more: Any) -> SuiteResult:
        spec = spec_of(self.said | more, "verify.yaml", self.environ)
        settings = Settings(
            self.url,
            keep_going=True,
            allow_writes=True,
            allow_deploy=True,
            spec=spec,
            categories=frozenset(categories),
        )
        return await asyncio.to_thread(verify, settings, [], lambda _: None)


@asynccontextmanager
async def whole(
    tmp_path: Path, dsn: str, rabbitmq: Broker, redis: str, *options: str
) -> AsyncIterator[Whole]:
    place, schema, port = tmp_path / "orchestrated", f"verify_{uuid.uuid4().hex[:12]}", free_port()
    both = ["--schema", schema, *options]
    orchestrated.prepare(
        place,
        ["--port", str(port), "--task-workers", "0", *both],
        ["--worker", *both],
        {"DATABASE_URL": dsn, "AMQP_URL": rabbitmq.url, "REDIS_URL": redis},
    )
    try:
        for what in ("deploy", "resume"):
            await asyncio.to_thread(
                subprocess.run, ["/bin/sh", "-c", orchestrated.line(place, what)], check=True
            )
        environ = {"DSN": dsn, "AMQP": rabbitmq.url, "MANAGEMENT": rabbitmq.management_url or ""}
        yield Whole(f"http://127.0.0.1:{port}/mcp", expected(schema, place), environ)
    finally:
        await asyncio.to_thread(
            subprocess.run, ["/bin/sh", "-c", orchestrated.line(place, "end")], check=True
        )


def wrong(suite: SuiteResult) -> dict[str, str]:
    return {each.name: each.why for each in suite.results if each.outcome in {"failed", "unknown"}}


def skipped(suite: SuiteResult) -> list[Result]:
    return [each for each in suite.results if each.outcome == "skipped"]


async def test_a_sound_deployment_passes_every_check_also_those_that_deploy_it_and_stop_its_workers(
    tmp_path: Path, postgres_url: str, rabbitmq: Broker, redis_url: str
) -> None:
    """With RabbitMQ and Redis, by its user's own commands."""
    async with whole(tmp_path, postgres_url, rabbitmq, redis_url) as found:
        suite = await found.verified()

    assert wrong(suite) == {}
    assert suite.exit_code == 0
    left = {each.name for each in skipped(suite)}
    assert left == NOT_TRIED, [(each.title, each.why) for each in skipped(suite)]


@pytest.mark.parametrize(
    ("options", "more", "named"),
    [
        # test_verify_deploy.py: the same of a server that we start
        pytest.param(["--break", "sessions-in-memory"], {}, {SESSION}, marks=pytest.mark.long),
        (["--break", "ack-before-commit"], {}, {COMMITTED}),
        ([], {"deploy": {"command": "true"}}, {"a deploy puts another process in its place"}),
    ],
)
async def test_a_deploy_that_loses_something_is_named(
    options: list[str],
    more: dict[str, Any],
    named: set[str],
    tmp_path: Path,
    postgres_url: str,
    rabbitmq: Broker,
) -> None:
    """Sessions, or work that was acknowledged; and one that was none."""
    async with whole(tmp_path, postgres_url, rabbitmq, "", *options) as found:
        suite = await found.verified("data", "deploy", **more)

    assert set(wrong(suite)) - {WRITTEN} == named, wrong(suite)  # in good order it may just be committed


async def test_work_that_nobody_does_and_commands_that_fail_are_named(
    tmp_path: Path, postgres_url: str, rabbitmq: Broker
) -> None:
    """A worker that stands still; a deploy that ends with an error; messages that a crash would lose."""
    async with whole(tmp_path, postgres_url, rabbitmq, "", "--break", "no-durability") as found:
        tasks = found.said["tasks"] | {"within": "1s"}
        lost = await found.verified("tasks", "queue")
        failing = await found.verified("deploy", deploy={"command": "echo no room left; exit 3"})
        await asyncio.to_thread(subprocess.run, ["/bin/sh", "-c", found.said["tasks"]["pause"]], check=True)
        idle = await found.verified("tasks", tasks=tasks | {"pause": "", "resume": ""})

    assert set(wrong(lost)) == {
        "its queue survives a crash of its broker",
        "the message of a task survives a crash of its broker",
    }
    assert wrong(idle) == {ENDS: "a task was still 'pending' after 1 s: does a worker take them?"}
    assert set(wrong(failing).values()) == {"the deploy ended with exit code 3\nno room left"}
