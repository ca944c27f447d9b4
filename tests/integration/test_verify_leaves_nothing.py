"""Nothing is left of a verification that was killed: its sessions, the schemas of its trials, a migration that still ran."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import yaml

from harness.run_directory.undo import read_open
from harness.services.processes import proctable
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.proctable import is_alive
from tests import waiting
from tests.fakes.deployment import deployed

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'verify_')"


def started(*flags: str, **environ: str) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, "-m", "harness", "verify", *flags]
    return subprocess.Popen(
        argv,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | environ,
        start_new_session=True,
    )


def killed(process: "subprocess.Popen[bytes]", out: Path) -> str:
    """The journal, when nothing in it is open any more."""
    process.send_signal(signal.SIGKILL)
    process.wait()
    (undo,) = (out / "verify").glob("2*/undo.jsonl")
    waiting.until(lambda: read_open(undo) == [])
    return undo.read_text()


async def schemas(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [row[0] for row in await connection.fetch(SCHEMAS)]
    finally:
        await connection.close()


async def until(seen: Callable[[], object]) -> None:
    await asyncio.to_thread(waiting.until, seen)


async def test_sessions_that_were_open_are_ended_and_their_ids_are_nowhere(tmp_path: Path) -> None:
    """Of whatever version; without leave to write."""
    async with deployed("no modern", "calls hang") as (url, fake):
        flags = ["--out", str(tmp_path), "-H", "Authorization: Bearer t0ken-of-mine", "-k", "only_reads"]
        process = await asyncio.to_thread(started, "--url", url, "--timeout", "60s", *flags)
        await until(lambda: fake.calls)
        ids = set(fake.sessions)
        journal = await asyncio.to_thread(killed, process, tmp_path)
        await until(lambda: not fake.sessions)

    assert ids
    assert [each for each in [*ids, "t0ken-of-mine"] if each in journal] == []


async def test_a_trial_of_migrations_leaves_no_schema_and_no_command(
    tmp_path: Path, postgres_url: str
) -> None:
    """Though the command would have gone on for long."""
    pid = tmp_path / "pid"
    command = f"echo $$ > {shlex.quote(str(pid))}.new; mv {shlex.quote(str(pid))}.new {shlex.quote(str(pid))}; sleep 600"
    expected = {"database": {"dsn": "${SHOP_DB}", "migrate": {"command": command}}}
    (tmp_path / "verify.yaml").write_text(yaml.safe_dump(expected))
    async with deployed() as (url, _):
        flags = ["--allow-deploy", "-k", "empty_database or somebody", str(tmp_path / "verify.yaml")]
        process = await asyncio.to_thread(
            started, "--url", url, "--out", str(tmp_path), *flags, SHOP_DB=postgres_url
        )
        await until(pid.exists)
        between = await schemas(postgres_url)
        journal = await asyncio.to_thread(killed, process, tmp_path)

    assert len([each for each in between if each.startswith("verify_migrate_")]) >= 1
    assert set(await schemas(postgres_url)) & {each for each in between if each in journal} == set()
    ran = proctable.read(int(pid.read_text()))
    assert ran is None or not ran.alive
    assert postgres_url not in journal


SHELL = 'exec "$0" -m harness.reference --port {port} --schema "{{{{schema}}}}"'
TABLES = {"tables": {"entries": {"columns": {"log": "text"}}}}


def theirs(place: Path, port: int, **more: Any) -> Path:
    """A server of a user's, in a schema of its own in the user's database."""
    words = ["/bin/sh", "-c", SHELL.format(port=port), sys.executable]
    at = {"command": words, "ready": f"http://127.0.0.1:{port}/health", "apart": "schema"}
    expected = {
        "target": at,
        "database": {"dsn": "${SHOP_DB}", "schema": "shop", **TABLES},
        "write": {"call": "append_entry", "args": {"entry": "{{unique}}", "log": "{{unique}}"}},
        "read": {"call": "read_entries", "args": {"log": "{{unique}}"}},
        **more,
    }
    (place / "verify.yaml").write_text(yaml.safe_dump(expected))
    return place / "verify.yaml"


async def test_a_server_of_the_user_s_is_deployed_in_a_schema_of_the_user_s_database(
    tmp_path: Path, postgres_url: str
) -> None:
    """Its tables are looked at there; the schema is gone afterwards."""
    before = set(await schemas(postgres_url))
    argv = [
        sys.executable,
        "-m",
        "harness",
        "verify",
        "--deploy-simulation",
        "--json",
        "--out",
        str(tmp_path),
    ]
    argv += ["--category", "deploy", "--category", "data", str(theirs(tmp_path, free_port()))]
    done = await asyncio.to_thread(
        subprocess.run,
        argv,
        capture_output=True,
        text=True,
        env=os.environ | {"SHOP_DB": postgres_url},
        check=False,
    )
    assert done.stdout, done.stderr
    tests = json.loads(done.stdout)["results"]["tests"]
    passed = {test["name"] for test in tests if test["status"] == "passed"}
    (undo,) = (tmp_path / "verify").glob("2*/undo.jsonl")

    assert [test for test in tests if test["status"] in {"failed", "other"}] == []
    assert done.returncode == 0
    assert {
        "a deploy puts another process in its place",
        "what was acknowledged before a deploy is there after it",
        "its tables are there",
    } <= passed
    assert read_open(undo) == []
    assert {each for each in await schemas(postgres_url) if each in undo.read_text()} == set()
    assert before is not None
    assert postgres_url not in undo.read_text()


async def test_a_simulation_that_is_killed_leaves_no_schema_in_the_user_s_database(
    tmp_path: Path, postgres_url: str
) -> None:
    """And no server."""
    port = free_port()
    process = await asyncio.to_thread(
        started,
        "--deploy-simulation",
        "--out",
        str(tmp_path),
        str(theirs(tmp_path, port)),
        SHOP_DB=postgres_url,
    )
    await until(lambda: is_taken(port, "127.0.0.1"))
    (undo,) = (tmp_path / "verify").glob("2*/undo.jsonl")
    entries = [entry.data for entry in read_open(undo)]
    names = {str(each["name"]) for each in entries if "drop" in each}
    servers = [(int(each["pid"]), int(each["start_ticks"])) for each in entries if "pid" in each]
    assert names <= set(await schemas(postgres_url))
    await asyncio.to_thread(killed, process, tmp_path)

    assert len(names) == 1
    assert names & set(await schemas(postgres_url)) == set()
    assert [each for each in servers if is_alive(*each)] == []


async def test_a_server_that_would_write_elsewhere_is_not_verified(tmp_path: Path, postgres_url: str) -> None:
    """It is told its schema, and keeps to another one."""
    path = theirs(tmp_path, free_port())
    elsewhere = f"elsewhere_{os.getpid()}"
    path.write_text(path.read_text().replace("{{schema}}", elsewhere))
    argv = [
        sys.executable,
        "-m",
        "harness",
        "verify",
        "--deploy-simulation",
        "--out",
        str(tmp_path),
        str(path),
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        argv,
        capture_output=True,
        text=True,
        env=os.environ | {"SHOP_DB": postgres_url},
        check=False,
    )
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP SCHEMA IF EXISTS {elsewhere} CASCADE")
    await connection.close()
    (undo,) = (tmp_path / "verify").glob("2*/undo.jsonl")

    assert done.returncode == 3
    assert "made no table in the schema that was made for it" in done.stderr
    assert read_open(undo) == []
