"""Records of executions: one row for each call of a tool, however it ended.

    writes   the row is written by the statement that has the effect: both are there, or neither (`entries`)
    reads    the row is written soon after the answer, with those of other calls, in one statement (`journal`)

So a killed process loses no row of a write, and at most the reads of the last GATHER_S.
A row gets its id before the tool runs, and the first row with an id is kept. So a write whose answer was lost
is recorded as failed only if it did fail.
"""

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from harness.reference import caller
from harness.reference.durations import Durations
from harness.reference.journal import Journal, Row, Table, kept
from harness.reference.pool import Pool

# How an execution ends; `database_error`: PostgreSQL refused, `unreachable`: it did not answer.
OK: Final = "ok"
UNKNOWN_TOOL, BAD_ARGUMENTS, FORBIDDEN = "unknown_tool", "bad_arguments", "forbidden"
REFUSED, BUSY, DATABASE_ERROR, UNREACHED = "refused", "busy", "database_error", "unreachable"
TOO_LARGE, CANCELLED, FAILED = "too_large", "cancelled", "failed"

GATHER_S: Final = 0.05
TABLE: Final = Table(
    "executions",
    {
        "id": "bigint",
        "door": "text",
        "client": "text",
        "session": "text",
        "tool": "text",
        "database": "text",
        "started_at": "timestamptz",
        "duration_us": "bigint",
        "outcome": "text",
        "error": "text",
    },
)


@dataclass(slots=True)
class Execution:
    """A call that is being executed."""

    id: int
    door: str
    tool: str
    client: str
    session: str | None
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_ns: int = field(default_factory=time.perf_counter_ns)
    database: str | None = None

    def row(self, outcome: str, error: str | None = None) -> Row:
        """Return the row for an end at this moment: the columns of TABLE."""
        took_us = (time.perf_counter_ns() - self.started_ns) // 1000
        words = None if error is None else kept(error)
        who = (self.id, self.door, self.client, self.session, self.tool, self.database)
        return (*who, self.started_at, took_us, outcome, words)


class Executions:
    """Numbers executions, counts them, and hands their rows to a journal."""

    def __init__(self, pool: Pool) -> None:
        self.journal = Journal(pool, TABLE, gather_s=GATHER_S)
        self.ended: Counter[tuple[str, str]] = Counter()  # by tool and outcome
        self.durations: dict[str, Durations] = {}  # by tool

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write rows while the body runs; at the end write the remaining ones, if PostgreSQL answers."""
        async with self.journal.running():
            yield

    def begin(self, door: str, tool: str) -> Execution:
        who = caller.current()
        return Execution(self.journal.next_id(), door, kept(tool), kept(who.key), who.session)

    def end(
        self, execution: Execution, outcome: str, error: str | None = None, *, recorded: bool = False
    ) -> None:
        """Note the end of an execution; `recorded` if its row was written with its effect."""
        row = execution.row(outcome, error)
        tool = execution.tool if outcome != UNKNOWN_TOOL else "unknown"  # names that anybody may invent
        self.ended[tool, outcome] += 1
        if (durations := self.durations.get(tool)) is None:
            durations = self.durations[tool] = Durations()
        durations.add(row[7] / 1e6)
        if recorded:
            self.journal.written += 1
        else:
            self.journal.add(row)

    def statistics(self) -> dict[str, int]:
        return self.journal.statistics()
