"""`harness serve --drop-schema`: it says what would be lost, and asks."""

import asyncio
import uuid

import asyncpg
import pytest
from click.testing import CliRunner

from harness.cli.drop_schema import drop
from harness.cli.serve import command
from harness.foundation import errors
from harness.foundation.errors import HarnessError, UsageError
from harness.reference import schema


@pytest.fixture
def name(postgres_url: str) -> str:
    """A schema of a target, with a session in it."""
    made = f"dropped_{uuid.uuid4().hex[:12]}"
    asyncio.run(schema.ensure(postgres_url, made, connect_timeout_s=5))
    return made


async def is_there(url: str, name: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", name)
    finally:
        await connection.close()


def test_it_asks_and_takes_no_for_an_answer(postgres_url: str, name: str) -> None:
    """Its tables are named; without a yes nothing is dropped."""
    asked = CliRunner().invoke(command, ["--drop-schema", name, "--database-url", postgres_url], input="n\n")

    assert "sessions (0 rows)" in asked.output
    assert f"Drop the schema {name}" in asked.output
    assert asked.exit_code != 0
    assert asyncio.run(is_there(postgres_url, name))


def test_a_yes_drops_it(postgres_url: str, name: str) -> None:
    """Typed, or given as --yes to a command that nobody watches."""
    arguments = ["--drop-schema", name, "--database-url", postgres_url]
    asked = CliRunner().invoke(command, arguments, input="y\n", standalone_mode=False)

    assert asked.return_value == 0, asked.output
    assert not asyncio.run(is_there(postgres_url, name))
    asyncio.run(schema.ensure(postgres_url, name, connect_timeout_s=5))
    unasked = CliRunner().invoke(command, [*arguments, "--yes"], standalone_mode=False)
    assert unasked.return_value == 0, unasked.output
    assert "?" not in unasked.output
    assert not asyncio.run(is_there(postgres_url, name))


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("mine", None, "Give --database-url"),
        ("No", "postgresql://h/x", "cannot name"),
        ("a", "x://h", "not the URL"),
    ],
)
def test_what_cannot_be_dropped_is_told(name: str, url: str | None, words: str) -> None:
    """Before anything is reached."""
    with pytest.raises(UsageError) as told:
        drop(name, url, sure=True)

    assert words in str(told.value)


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("postgresql://nobody.invalid/x", errors.TARGET_UNREACHABLE, "nobody.invalid"),
        ("postgresql://127.0.0.1:1/x", errors.TARGET_UNREACHABLE, "127.0.0.1:1"),
        ("postgresql://127.0.0.1:99999/x", errors.USAGE, "from 1 to 65535"),
    ],
)
def test_a_database_that_is_not_there_is_no_bug_of_ours(url: str, code: int, words: str) -> None:
    """A name that nobody knows, a port where nobody listens, a port that is none."""
    with pytest.raises(HarnessError) as told:
        drop("mine", url, ["nobody.invalid"], sure=True)

    assert told.value.exit_code == code
    assert words in str(told.value)
