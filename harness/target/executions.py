"""What was executed: one row for each call of a tool, whatever became of it.

    writes   the row is written by the statement that has the effect: both are there, or neither (`entries`)
    reads    the row is written soon after the answer, with those of other calls, in one statement

So a process that is killed loses no row of a write, and of its reads those of the last GATHER_S at most.
A row has its id before the tool runs, and the first row of an id stands. So a write whose answer got lost is
recorded as failed only if it did fail, and rows that are sent again are not there twice.

While PostgreSQL is away, rows wait for it, PENDING_MAX at most; what is beyond that is counted as lost, and
/status and /metrics say how many.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, islice
from typing import Final

import asyncpg

from harness.target import caller
from harness.target.connecting import UNREACHABLE, reason
from harness.target.durations import Durations
from harness.target.pool import BusyError, Pool

# How an execution ends; `database_error` is PostgreSQL's own no, `unreachable` its silence.
OK: Final = "ok"
UNKNOWN_TOOL, BAD_ARGUMENTS, FORBIDDEN = "unknown_tool", "bad_arguments", "forbidden"
REFUSED, BUSY, DATABASE_ERROR, UNREACHED = "refused", "busy", "database_error", "unreachable"
CANCELLED, FAILED = "cancelled", "failed"

GATHER_S, RETRY_S, SETTLE_S = 0.05, 0.5, 2.0
ROWS_AT_ONCE, PENDING_MAX, FORGOTTEN_AT_ONCE = 1000, 50_000, 20_000
WORDS_MAX = 500  # characters of an error or a name that are kept
_NUMBER_BITS = 40
FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)
_INSERT = """INSERT INTO executions
  (id, door, client, session, tool, database, started_at, duration_us, outcome, error)
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
    $7::timestamptz[], $8::bigint[], $9::text[], $10::text[]) ON CONFLICT (id) DO NOTHING"""

_FORGET = """DELETE FROM executions WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM executions WHERE started_at < now() - make_interval(secs => $1) LIMIT $2))"""

Row = tuple[int, str, str, str | None, str, str | None, datetime, int, str, str | None]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Execution:
    """A call that runs now."""

    id: int
    door: str
    tool: str
    client: str
    session: str | None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_ns: int = field(default_factory=time.perf_counter_ns)
    database: str | None = None

    def row(self, outcome: str, error: str | None = None) -> Row:
        """What is recorded of it, if it ends now."""
        took_us = (time.perf_counter_ns() - self.started_ns) // 1000
        words = None if error is None else _kept(error)
        who = (self.id, self.door, self.client, self.session, self.tool, self.database)
        return (*who, self.started_at, took_us, outcome, words)


class Executions:
    """Numbers executions, counts them, and writes their rows."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ids = count()
        self._pending: deque[Row] = deque()
        self._came = asyncio.Event()
        self.ended: Counter[tuple[str, str]] = Counter()  # by tool and outcome
        self.durations: dict[str, Durations] = {}  # by tool
        self.written = self.lost = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Rows are written inside this; when it ends, those that wait are, if PostgreSQL is there."""
        async with self._pool.connection() as connection:
            block = await connection.fetchval("SELECT nextval('execution_blocks')")
        self._ids = count(block << _NUMBER_BITS)
        writing = asyncio.create_task(self._write_on())
        try:
            yield
        finally:
            writing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writing
            await self._settle()

    def begin(self, door: str, tool: str) -> Execution:
        who = caller.current()
        return Execution(next(self._ids), door, _kept(tool), _kept(who.key), who.session)

    def end(
        self, execution: Execution, outcome: str, error: str | None = None, *, recorded: bool = False
    ) -> None:
        """The execution is over; `recorded` if its row was written with its effect."""
        row = execution.row(outcome, error)
        tool = execution.tool if outcome != UNKNOWN_TOOL else "unknown"  # names that anybody may invent
        self.ended[tool, outcome] += 1
        if (durations := self.durations.get(tool)) is None:
            durations = self.durations[tool] = Durations()
        durations.add(row[7] / 1e6)
        if recorded:
            self.written += 1
        elif len(self._pending) < PENDING_MAX:
            self._pending.append(row)
            self._came.set()
        else:
            self.lost += 1

    def statistics(self) -> dict[str, int]:
        return {"written": self.written, "pending": len(self._pending), "lost": self.lost}

    async def write(self) -> None:
        """Write what is pending; raises what PostgreSQL says, and keeps what it did not take."""
        while self._pending:
            rows = list(islice(self._pending, ROWS_AT_ONCE))
            async with self._pool.connection() as connection:
                await connection.execute(_INSERT, *zip(*rows, strict=True))
            for _ in rows:
                self._pending.popleft()
            self.written += len(rows)

    async def forget_before(self, age_s: float) -> int:
        """Delete the rows that are older; how many. In pieces, since each has the time of one statement."""
        deleted = 0
        while True:
            async with self._pool.connection() as connection:
                status: str = await connection.execute(_FORGET, age_s, FORGOTTEN_AT_ONCE)
            deleted += (piece := int(status.rpartition(" ")[2]))
            if piece < FORGOTTEN_AT_ONCE:
                return deleted

    async def _write_on(self) -> None:
        told = False  # once for each time that PostgreSQL is away
        while True:
            await self._came.wait()
            await asyncio.sleep(GATHER_S)
            self._came.clear()
            try:
                await self.write()
                told = False
            except FAILURES as error:
                if not told:
                    log.warning("Executions wait to be recorded: %s", reason(error))
                told = True
                await asyncio.sleep(RETRY_S)
                self._came.set()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(SETTLE_S):
                await self.write()
        except FAILURES as error:
            self.lost += len(self._pending)
            log.warning("%d executions were not recorded: %s", len(self._pending), reason(error))


def _kept(words: str) -> str:
    """PostgreSQL's text has no NUL and no half characters, and a record is not a place to store data."""
    return words[:WORDS_MAX].replace("\0", "").encode(errors="replace").decode()
