"""Writes rows in batches, soon after they are added: one statement for all that wait.

    rows that come   a     b c        d
    batch            [a]---[b c]------[d]     one at a time; those that come meanwhile share the next

Rules:
    - a row has its id before it is written, and the first row with an id is kept: rows that are sent again,
      because it is unknown whether they arrived, are not stored twice;
    - while PostgreSQL is away rows wait for it, PENDING_MAX at most; further rows are counted as lost;
    - when the journal ends, the waiting rows are written, if PostgreSQL answers.

It does not know what the rows mean.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Final

import asyncpg

from harness.foundation.clock import within
from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.pool import BusyError, Pool

RETRY_S, SETTLE_S = 0.5, 2.0
ROWS_AT_ONCE, PENDING_MAX, FORGOTTEN_AT_ONCE = 1000, 50_000, 20_000
WORDS_MAX = 500  # characters of an error or a name that are kept
FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)
_NUMBER_BITS: Final = 40

Row = tuple[Any, ...]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Table:
    """The table of the rows: columns and their types, with `id` and `started_at`."""

    name: str
    columns: dict[str, str]

    @property
    def insert(self) -> str:
        arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(self.columns.values(), 1))
        names = ", ".join(self.columns)
        return f"INSERT INTO {self.name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT (id) DO NOTHING"  # noqa: S608  ours

    @property
    def forget(self) -> str:
        return (
            f"DELETE FROM {self.name} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {self.name}"  # noqa: S608  ours
            " WHERE started_at < now() - make_interval(secs => $1) LIMIT $2))"
        )


class Journal:
    """Writes the rows of one table; the first of a batch waits `gather_s` for others."""

    def __init__(self, pool: Pool, table: Table, *, gather_s: float) -> None:
        self._pool, self._table, self._gather_s = pool, table, gather_s
        self._insert, self._forget = table.insert, table.forget
        self._ids = count()
        self._pending: deque[Row] = deque()
        self._came = asyncio.Event()
        self.written = self.lost = 0

    @contextlib.asynccontextmanager
    async def running(self, gathered: Callable[[], Sequence[Row]] = tuple) -> AsyncIterator[None]:
        """Write rows while the body runs.

        `gathered` returns rows that are complete only when a batch is sent.
        """
        async with self._pool.connection() as connection:
            block = await connection.fetchval("SELECT nextval('execution_blocks')")
        self._ids = count(block << _NUMBER_BITS)
        writing = asyncio.create_task(self._write_on(gathered))
        try:
            yield
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            self._take(gathered())
            await self._settle()

    def next_id(self) -> int:
        return next(self._ids)

    def add(self, row: Row) -> None:
        self._take((row,))
        self._came.set()

    def wake(self) -> None:
        """Send a batch soon: `gathered` has rows."""
        self._came.set()

    def statistics(self) -> dict[str, int]:
        return {"written": self.written, "pending": len(self._pending), "lost": self.lost}

    async def write(self) -> None:
        """Write the pending rows; raise PostgreSQL's errors, and keep the rows that it did not accept."""
        while self._pending:
            rows = list(islice(self._pending, ROWS_AT_ONCE))
            async with self._pool.connection() as connection:
                await connection.execute(self._insert, *zip(*rows, strict=True))
            for _ in rows:
                self._pending.popleft()
            self.written += len(rows)

    async def forget_before(self, age_s: float) -> int:
        """Delete older rows, in pieces, as a statement has a time limit; return how many."""
        deleted = 0
        while True:
            async with self._pool.connection() as connection:
                status: str = await connection.execute(self._forget, age_s, FORGOTTEN_AT_ONCE)
            deleted += (piece := int(status.rpartition(" ")[2]))
            if piece < FORGOTTEN_AT_ONCE:
                return deleted

    def _take(self, rows: Sequence[Row]) -> None:
        room = max(0, PENDING_MAX - len(self._pending))
        self._pending.extend(rows[:room])
        self.lost += len(rows[room:])

    async def _write_on(self, gathered: Callable[[], Sequence[Row]]) -> None:
        warned = False  # warn once for each time that PostgreSQL is away
        while True:
            await self._came.wait()
            await asyncio.sleep(self._gather_s)
            self._came.clear()
            self._take(gathered())
            try:
                await self.write()
                warned = False
            except FAILURES as error:
                if not warned:
                    log.warning(
                        "Rows of %s are still waiting to be written: %s", self._table.name, reason(error)
                    )
                warned = True
                await asyncio.sleep(RETRY_S)
                self._came.set()

    async def _settle(self) -> None:
        try:
            async with within(SETTLE_S):
                await self.write()
        except FAILURES as error:
            self.lost += len(self._pending)
            log.warning(
                "%d rows of %s were not written: %s", len(self._pending), self._table.name, reason(error)
            )


def kept(words: str) -> str:
    """Return a text that PostgreSQL can store (no NUL, no surrogates), cut to WORDS_MAX."""
    return words[:WORDS_MAX].replace("\0", "").encode(errors="replace").decode()
