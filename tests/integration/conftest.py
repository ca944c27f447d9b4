"""Real parts for tests: one embedded PostgreSQL for each worker of the test run, gone with it however it ends."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from harness.record.undo import Journal
from harness.services import janitor, postgres


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a server that the tests of one worker share: make a schema or database of your own in it."""
    place = tmp_path_factory.mktemp("postgres")
    async with janitor.watching(place / "undo.jsonl") as undo, postgres.embedded(undo, place) as url:
        yield url


@pytest.fixture
def undo(tmp_path: Path) -> Iterator[Journal]:
    """A journal of this test's own; nobody watches it."""
    with Journal(tmp_path / "undo.jsonl") as journal:
        yield journal
