"""The database behind a deployment, by asyncpg, in transactions that only read.

rows = database.fetch("SELECT status FROM orders WHERE id = $1", "4711")

Nothing of the deployment's own code is imported; names of tables without a schema are looked up in that of verify.yaml. A database that
does not answer makes a check unknown: it may be reached from elsewhere.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.foundation.addresses import resolved
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable
from harness.verify.finding import UndecidedError
from harness.verify.spec import backends

CONNECT_S: Final = 10.0
ANSWER_S: Final = 30.0
WHY_CHARS: Final = 300


@dataclass(slots=True)
class Database:
    """One connection, opened when it is first needed; for tests that are no coroutines."""

    spec: backends.Database
    run: Callable[[Coroutine[Any, Any, Any]], Any] = field(repr=False)
    _connection: Any = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """Its address, fit to be shown."""
        return redact.url(self.spec.dsn)

    def fetch(self, sql: str, *arguments: object) -> list[tuple[Any, ...]]:
        """The rows of a statement that only reads."""
        rows: list[tuple[Any, ...]] = self.run(self._fetched(sql, arguments))
        return rows

    def value(self, sql: str, *arguments: object) -> Any:
        """The first value of the first row; None without one."""
        rows = self.fetch(sql, *arguments)
        return rows[0][0] if rows else None

    def table(self, name: str) -> str:
        """A table of its schema, as a statement names it."""
        return f"{quoted(self.spec.schema)}.{quoted(name)}"

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self.run(closed(self._connection))
            self._connection = None

    async def _fetched(self, sql: str, arguments: Sequence[object]) -> list[tuple[Any, ...]]:
        import asyncpg

        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await connected(self.spec.dsn)
            async with self._connection.transaction(readonly=True):
                await self._connection.execute(
                    "SELECT set_config('search_path', $1, true)", quoted(self.spec.schema)
                )
                return [tuple(row.values()) for row in await self._connection.fetch(sql, *arguments)]
        except failures(asyncpg) as error:
            raise silent(self.shown, error) from error


async def connected(dsn: str, **more: str) -> Any:
    """A connection to the vetted address; statements are not prepared by name, for the sake of poolers."""
    import asyncpg

    return await asyncpg.connect(
        await resolved.by_number(dsn),
        timeout=CONNECT_S,
        command_timeout=ANSWER_S,
        statement_cache_size=0,
        server_settings={"application_name": "harness verify", **more},
    )


async def closed(connection: Any) -> None:
    """In order, or not."""
    try:
        await connection.close(timeout=CONNECT_S)
    except (TimeoutError, OSError):
        connection.terminate()


def failures(asyncpg: Any) -> tuple[type[Exception], ...]:
    """All that a database that does not do what it is asked for raises."""
    return (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError)


def silent(shown: str, error: Exception) -> UndecidedError:
    """Nobody can say what is in it."""
    why = printable(hide(str(error) or type(error).__name__), WHY_CHARS)
    return UndecidedError(f"the database at {shown} did not answer: {why}")


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'
