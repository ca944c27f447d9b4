"""Runs in a real PostgreSQL: what goes in comes out, once, whole or not at all."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from harness.foundation.errors import UsageError
from harness.history import opening, store
from harness.history.location import HistoryGoneError, Place
from harness.history.record import RunRecord
from harness.history.store import Where
from tests.history.records import SERIES, record

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def place(postgres_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    """A team's server with a database for this test alone."""
    name = f"history_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    yield Place(tmp_path, re.sub(r"/postgres$", f"/{name}", postgres_url))
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def bring(connection: opening.Connection, runs: list[RunRecord]) -> int:
    """How many were new; none was refused."""
    new, refused = await store.bring(connection, [(run.run_id, run) for run in runs])
    assert refused == []
    return new


async def test_what_goes_in_comes_out_as_it_was_and_once(place: Place) -> None:
    """Every part of a run, with texts that PostgreSQL would take for its own."""
    first, second = record("a", tags=("release",)), record("b", started_at="2026-11-21T03:17:02+00:00")
    async with opening.opened(place) as connection:
        assert await bring(connection, [second, first]) == 2
        assert await bring(connection, [first, record("c")]) == 1
        found = await store.find(connection, Where(run_ids=["a", "b"]), histograms=True)

    assert found == [first, second]
    assert found[0].measured == first.measured


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        (Where(), ["a", "b", "c", "d"]),
        (Where(scenario="other"), ["d"]),
        (Where(branch="fix"), ["c"]),
        (Where(series=SERIES), ["a", "b", "c"]),
        (Where(series=SERIES, fit=True), ["a", "c"]),
        (Where(tag="release"), ["a"]),
        (Where(night="n2"), ["b"]),
        (Where(beginning="c"), ["c"]),
        (Where(branch="'; DROP TABLE runs; --"), []),
    ],
)
async def test_runs_are_found_by_what_they_are(where: Where, ids: list[str], place: Place) -> None:
    runs = [
        record("a", tags=("release", "x")),
        record("b", verdict="unknown", night="n2"),
        record("c", series=replace(SERIES, branch="fix")),
        record("d", series=replace(SERIES, scenario="other", scenario_hash="77")),
    ]
    async with opening.opened(place) as connection:
        await bring(connection, runs)

        assert [one.run_id for one in await store.find(connection, where, parts=False)] == ids
        assert await store.count(connection, where) == len(ids)
        assert [one.run_id for one in await store.find(connection, where, most=1)] == ids[-1:]


async def test_a_batch_that_breaks_leaves_nothing(place: Place) -> None:
    """The last table of the last run is refused: no row of any run is there."""
    twice = record("b").histograms * 2
    async with opening.opened(place) as connection:
        with pytest.raises(asyncpg.UniqueViolationError):
            await store._push(connection, [record("a"), record("b", histograms=twice)])
        counts = [
            await connection.fetchval(f"SELECT count(*) FROM {name}") for name in ("runs", "steps", "series")
        ]

    assert counts == [0, 0, 0]


async def test_two_who_bring_the_same_runs_at_once_bring_them_once(place: Place) -> None:
    runs = [record(f"run-{number}") for number in range(20)]

    async def one() -> int:
        async with opening.opened(place) as connection:
            return await bring(connection, runs)

    assert sum(await asyncio.gather(one(), one(), one())) == 20


async def test_views_for_otava_have_runs_that_count(place: Place) -> None:
    runs = [record("a"), record("b", verdict="unknown"), record("c", excluded="the machine was busy")]
    async with opening.opened(place) as connection:
        await bring(connection, runs)
        found = await connection.fetch("SELECT * FROM otava")
        operations = await connection.fetch("SELECT operation, user_class, p95 FROM otava_operations")

    assert [(row["run_id"], row["commit"], row["p95"]) for row in found] == [("a", "0123abc", 9.0)]
    assert found[0]["time"].tzinfo is not None
    assert len(operations) == 3


async def test_tables_of_a_newer_harness_are_refused(place: Place) -> None:
    async with opening.opened(place) as connection:
        assert await opening.migrate(connection) == len(opening.migrations())
        await connection.execute("INSERT INTO migrations (version) VALUES (999)")
    with pytest.raises(HistoryGoneError, match="newer"):
        async with opening.opened(place):
            pass


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("postgresql://u:s3cret-pass@127.0.0.1:1/x", HistoryGoneError, "cannot be used"),
        ("postgresql://u:s3cret-pass@192.0.2.1/x", UsageError, "not this machine"),
        ("mysql://u:s3cret-pass@127.0.0.1/x", UsageError, "not the URL"),
        ("postgresql://u:s3cret-pass@127.0.0.1/x?host=192.0.2.1", UsageError, "not the URL"),
    ],
)
async def test_a_server_that_cannot_be_used_is_said_without_its_password(
    url: str, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    with pytest.raises(kind) as raised:
        async with opening.opened(Place(tmp_path, url)):
            pass

    assert words in str(raised.value)
    assert "s3cret-pass" not in str(raised.value)
