"""What a verification made in somebody's PostgreSQL for a trial is dropped by the program of the janitor, and nothing else is."""

import asyncio
import secrets

import asyncpg
import pytest

from harness.services.backends import dropping
from harness.services.cleanup.leftover_databases import DSN, undo_database


def made_up(kind: str = "trial") -> str:
    return f"verify_{kind}_{secrets.token_hex(6)}"


async def made(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def there(dsn: str, name: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        found = "SELECT nspname FROM pg_namespace UNION SELECT datname FROM pg_database"
        return name in {row[0] for row in await connection.fetch(found)}
    finally:
        await connection.close()


@pytest.mark.parametrize("kind", ["schema", "database"])
async def test_what_is_named_is_dropped_also_when_it_is_gone_already(
    kind: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that is in it; what is named alike stays."""
    monkeypatch.setenv(DSN, postgres_url)
    name, other = made_up(), made_up()
    for each in (name, other):
        await made(postgres_url, f'CREATE {kind.upper()} "{each}"')

    for _ in range(2):
        assert await asyncio.to_thread(dropping.main, kind, name) == 0
    assert (await there(postgres_url, name), await there(postgres_url, other)) == (False, True)
    assert await asyncio.to_thread(undo_database, {"drop": kind, "name": other, "told": "here"}) is None
    assert not await there(postgres_url, other)


@pytest.mark.parametrize(("kind", "name"), [("table", "verify_a_0123456789ab"), ("schema", "public")])
def test_nothing_else_is_dropped(
    kind: str, name: str, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither another kind of thing, nor what no verification would name so."""
    monkeypatch.setenv(DSN, postgres_url)

    assert dropping.main(kind, name) == 2
    assert (
        undo_database({"drop": kind, "name": name, "told": "here"})
        == "that is nothing that a verification makes"
    )


def test_a_server_that_is_gone_is_said_without_its_address(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And how to drop it by hand; the same when nobody knows the address any more."""
    monkeypatch.setenv(DSN, "postgresql://me:s3cret@127.0.0.1:1/shop")
    name = made_up()
    data = {"drop": "schema", "name": name, "told": "127.0.0.1:1/shop"}

    assert dropping.main("schema", name) == 1
    assert capsys.readouterr().err.strip() == "ConnectionRefusedError"
    problem = undo_database(data)
    assert problem is not None
    assert problem.endswith(f"; drop it by hand: DROP SCHEMA {name}")
    assert "s3cret" not in problem
    monkeypatch.delenv(DSN)
    assert undo_database(data) == f"drop it by hand: DROP SCHEMA {name}, in 127.0.0.1:1/shop"
