"""Tasks of the reference target: submitted while faults are on, and looked up in its tables afterwards.

    POST /tasks, by way of the client link  --202--> a promise: it will finish, once
    after healing, beside the links: read from the target's own tables what became of each task and each entry
If a task's worker died, another takes it over when the lease has expired, so reading waits for a while until
no task is open. Each entry was written by one execution, whose record must exist exactly once. All of it is
written to work.jsonl; `analysis.faults.work` counts it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import asyncpg

from harness.conduct.durability.entries import WorkEntries
from harness.foundation.clock import within
from harness.foundation.units import NS_PER_S
from harness.foundation.untrusted import nesting
from harness.mcp import outcome

SCHEMA: Final = "harness_target"  # of the target's own tables, unless its options say otherwise
RATE_PER_S, TIMEOUT_S = 1.0, 5.0
ANSWER_BYTES_MAX: Final = 65_536
OPEN_S, LOOK_S = 30.0, 0.5  # a lease is ten seconds
ACCEPTED: Final = 202
TASK: Final = {"kind": "wait", "arguments": {"seconds": 0}}
_EXECUTED: Final = """SELECT e.entry, count(x.id) FROM {schema}.entries e
  LEFT JOIN {schema}.executions x ON x.id = e.execution WHERE e.log = $1 GROUP BY 1"""
_FINISHED: Final = """SELECT t.id,
    (SELECT count(*) FROM {schema}.task_history h WHERE h.task = t.id AND h.status IN ('completed', 'failed')),
    (SELECT count(*) FROM {schema}.task_effects f WHERE f.task = t.id)
  FROM {schema}.tasks t WHERE t.id = ANY($1::text[])"""
_FAILURES: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class TaskRecords:
    """The database and schema in which the target records what it did."""

    database_url: str = field(repr=False)
    schema: str = SCHEMA


@dataclass(slots=True)
class SubmittedTasks:
    """The tasks of one run; promises and records are written to the file of its entries."""

    entries: WorkEntries
    records: TaskRecords
    promised: list[str] = field(default_factory=list)

    async def send(self, base_url: str) -> None:
        """Submit a task a second, one after the other, until cancelled; skip those due while one is open."""
        limit = aiohttp.ClientTimeout(total=TIMEOUT_S)
        every_ns = int(NS_PER_S / RATE_PER_S)
        due_ns = self.entries.clock.now_ns()
        async with aiohttp.ClientSession(timeout=limit) as session:
            while True:
                await self._task(session, base_url)
                due_ns += every_ns * max(1, -((due_ns - self.entries.clock.now_ns()) // every_ns))
                await self.entries.clock.sleep(max(0, due_ns - self.entries.clock.now_ns()) / NS_PER_S)

    async def read(self, within_s: float = OPEN_S) -> None:
        """Read what became of the tasks; if the tables cannot be read, note that it is unknown."""
        try:
            async with within(within_s + TIMEOUT_S):
                connection = await asyncpg.connect(self.records.database_url, timeout=TIMEOUT_S)
                try:
                    await self._read(connection, within_s)
                finally:
                    await connection.close(timeout=TIMEOUT_S)
        except _FAILURES as error:
            self.entries.say(unrecorded=f"{type(error).__name__}: {error}")

    async def _read(self, connection: Any, within_s: float) -> None:
        schema = '"' + self.records.schema.replace('"', '""') + '"'
        executed = await connection.fetch(_EXECUTED.format(schema=schema), self.entries.run_id)
        self.entries.say(executed={str(entry): int(many) for entry, many in executed})
        looks = max(1, int(within_s / LOOK_S))
        for left in reversed(range(looks)):
            rows = await connection.fetch(_FINISHED.format(schema=schema), self.promised)
            if not left or all(ends for _, ends, _ in rows):
                break
            await self.entries.clock.sleep(LOOK_S)
        self.entries.say(finished={str(task): [int(ends), int(effects)] for task, ends, effects in rows})

    async def _task(self, session: aiohttp.ClientSession, base_url: str) -> None:
        sent_ns, ended, status, task = self.entries.clock.now_ns(), outcome.UNFINISHED, None, None
        try:
            async with session.post(f"{base_url}/tasks", json=TASK, allow_redirects=False) as answer:
                status = answer.status
                if status == ACCEPTED:
                    task, ended = (
                        str(nesting.value(await _bounded(answer), ANSWER_BYTES_MAX)["id"]),
                        outcome.OK,
                    )
                else:
                    ended = outcome.HTTP_STATUS
        except aiohttp.ClientConnectorError:
            ended = outcome.CONNECT
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError):
            ended = outcome.UNFINISHED
        finally:
            if task is not None:
                self.promised.append(task)
            self.entries.say(
                task=task, sent_ns=sent_ns, done_ns=self.entries.clock.now_ns(), outcome=ended, status=status
            )


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body, up to a limit; the beginning of a larger one is not valid JSON."""
    body = bytearray()
    while len(body) < ANSWER_BYTES_MAX and (more := await answer.content.readany()):
        body += more
    return bytes(body[:ANSWER_BYTES_MAX])
