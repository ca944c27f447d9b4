"""The table of tasks, in PostgreSQL for every queue: it decides which worker does a task, exactly once.

- A worker that claims a task gets the next attempt number and a lease, which it renews while it works. After
  the lease has expired another worker may claim the task (`FOR UPDATE SKIP LOCKED`: workers that ask at once
  get different ones).
- Finishing a task and its effect are one transaction, which succeeds only for the latest attempt. So a worker
  that was thought dead and comes back has no effect.
- Every change of status leaves a row in `task_history`, in the same transaction.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import msgspec

from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.databases import BusyError, Pool
from harness.reference.tasks.task import (
    ATTEMPTS_MAX,
    COMPLETED,
    FAILED,
    Claimed,
    Step,
    Task,
    TasksUnreachableError,
)

Effect = Callable[[Any], Awaitable[None]]  # changes the work's data, on the connection of the transaction

_FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)
_DURABLY: Final = "SELECT set_config('synchronous_commit', 'on', true)"
_SUBMIT = """WITH new AS (
    INSERT INTO tasks (id, kind, arguments, owner, status) VALUES ($1, $2, $3::text::jsonb, $4, 'pending'))
  INSERT INTO task_history (task, status, attempt) VALUES ($1, 'pending', 0)"""
_CLAIM = """WITH picked AS (
    SELECT id FROM tasks WHERE {which} AND attempt < {most} ORDER BY created_at LIMIT $1 FOR UPDATE SKIP LOCKED),
  claimed AS (
    UPDATE tasks AS t SET status = 'running', attempt = attempt + 1, worker = $2,
      lease_until = now() + make_interval(secs => $3) FROM picked WHERE t.id = picked.id
    RETURNING t.id, t.kind, t.arguments::text, t.attempt),
  noted AS (
    INSERT INTO task_history (task, status, attempt, worker) SELECT id, 'running', attempt, $2 FROM claimed)
  SELECT * FROM claimed"""
_OPEN = "(status = 'pending' OR status = 'running' AND lease_until < now())"
_CLAIM_NEXT = _CLAIM.format(which=_OPEN, most=ATTEMPTS_MAX)
_CLAIM_ONE = _CLAIM.format(which=f"id = $4 AND ({_OPEN} OR $5 AND status = 'running')", most=ATTEMPTS_MAX)
_RENEW = """UPDATE tasks SET lease_until = now() + make_interval(secs => $3)
  WHERE id = $1 AND attempt = $2 AND status = 'running' RETURNING id"""
_FINISH = """WITH done AS (
    UPDATE tasks SET status = $3, result = $4::text::jsonb, error = $5, finished_at = now(), lease_until = NULL
    WHERE id = $1 AND attempt = $2 AND status = 'running' RETURNING id, kind, owner, worker)
  INSERT INTO task_history (task, status, attempt, worker) SELECT id, $3, $2, worker FROM done RETURNING task"""
_TOLD = "SELECT pg_notify(current_schema(), $1)"  # the channel of the schema: see events
_GIVE_UP = """SELECT id, attempt FROM tasks WHERE status = 'running' AND lease_until < now()
  AND attempt >= $1 LIMIT 100"""
_FIND = """SELECT id, kind, arguments::text, owner, status, attempt, created_at, finished_at, result::text, error
  FROM tasks WHERE id = $1"""
_HISTORY = "SELECT status, attempt, worker, at FROM task_history WHERE task = $1 ORDER BY number LIMIT 100"
_UNTOLD = """SELECT id FROM tasks WHERE
  status = 'pending' AND coalesce(published_at, created_at) < now() - make_interval(secs =>
    CASE WHEN published_at IS NULL THEN $1::float8 ELSE $2::float8 END)
  OR status = 'running' AND lease_until < now() ORDER BY created_at LIMIT 100"""


class Tasks:
    """The table of tasks; see the module."""

    def __init__(self, pool: Pool, lease_s: float) -> None:
        self._pool, self.lease_s = pool, lease_s

    async def submit(self, kind: str, arguments: Mapping[str, Any], owner: str) -> str:
        """Add a task; return its id once it is on disk."""
        task = secrets.token_hex(16)
        async with self._transaction() as connection:
            await connection.execute(_SUBMIT, task, kind, msgspec.json.encode(arguments).decode(), owner)
            await self._tell(connection, {"event": "task", "status": "pending"})
        return task

    async def claim_next(self, at_most: int, worker: str) -> list[Claimed]:
        """Claim the oldest tasks that no worker has."""
        return await self._claimed(_CLAIM_NEXT, at_most, worker, self.lease_s)

    async def claim(self, task: str, worker: str, *, take_over: bool) -> Claimed | None:
        """Claim this task, unless it is done or another worker has it.

        With `take_over` that worker is dead.
        """
        for claimed in await self._claimed(_CLAIM_ONE, 1, worker, self.lease_s, task, take_over):
            return claimed
        return None

    async def renew(self, claimed: Claimed) -> bool:
        """Renew the lease; False when the task is no longer ours."""
        return bool(await self._rows(_RENEW, claimed.id, claimed.attempt, self.lease_s))

    async def complete(self, claimed: Claimed, result: Any, effect: Effect | None = None) -> bool:
        """Complete the task with its effect; False, and no effect, when it is no longer ours."""
        text = msgspec.json.encode(result).decode()
        async with self._transaction() as connection:
            if not await self._finish(connection, claimed.id, claimed.attempt, COMPLETED, text, None):
                return False
            effects = "INSERT INTO task_effects (task, attempt, result) VALUES ($1, $2, $3::text::jsonb)"
            await connection.execute(effects, claimed.id, claimed.attempt, text)
            if effect is not None:
                await effect(connection)
        return True

    async def fail(self, task: str, attempt: int, error: str) -> bool:
        """Mark the task as failed; False when it is no longer ours."""
        async with self._transaction() as connection:
            return await self._finish(connection, task, attempt, FAILED, None, error)

    async def give_up(self) -> int:
        """Fail tasks that were tried ATTEMPTS_MAX times; return how many."""
        tired = await self._rows(_GIVE_UP, ATTEMPTS_MAX)
        words = f"given up: its worker died {ATTEMPTS_MAX} times"
        return sum([await self.fail(task, attempt, words) for task, attempt in tired])

    async def find(self, task: str) -> Task | None:
        for row in await self._rows(_FIND, task):
            key, kind, arguments, owner, status, attempt, created_at, finished_at, result, error = row
            steps = tuple(Step(*step) for step in await self._rows(_HISTORY, task))
            decoded = None if result is None else msgspec.json.decode(result)
            known = (kind, msgspec.json.decode(arguments), owner, status, attempt, created_at, finished_at)
            return Task(key, *known, decoded, error, steps)
        return None

    async def counts(self) -> dict[str, int]:
        """Return the number of tasks by status."""
        return dict(await self._rows("SELECT status, count(*) FROM tasks GROUP BY 1"))

    async def check(self) -> None:
        """Return when the table can be read, else raise; cheap."""
        await self._rows("SELECT id FROM tasks LIMIT 1")

    async def release(self, claimed: Claimed) -> None:
        """Give the task up, so that another worker can claim it at once."""
        sql = "UPDATE tasks SET lease_until = now() WHERE id = $1 AND attempt = $2 AND status = 'running' RETURNING id"
        await self._rows(sql, claimed.id, claimed.attempt)

    async def untold(self, *, after_s: float, again_s: float) -> list[str]:
        """Return tasks that no worker has, although a queue should have delivered them by now."""
        return [task for (task,) in await self._rows(_UNTOLD, after_s, again_s)]

    async def told(self, task: str) -> None:
        """Note that a queue has accepted the task."""
        await self._rows("UPDATE tasks SET published_at = now() WHERE id = $1 RETURNING id", task)

    async def _finish(self, connection: Any, task: str, attempt: int, status: str, *how: str | None) -> bool:
        if not await connection.fetch(_FINISH, task, attempt, status, *how):
            return False
        owner = await connection.fetchval("SELECT owner FROM tasks WHERE id = $1", task)
        await self._tell(connection, {"event": "task", "status": status, "task": task, "owner": owner})
        return True

    async def _tell(self, connection: Any, event: Mapping[str, str]) -> None:
        await connection.execute(_TOLD, msgspec.json.encode(event).decode())

    async def _claimed(self, sql: str, at_most: int, worker: str, *rest: Any) -> list[Claimed]:
        rows = await self._rows(sql, at_most, worker, *rest)
        return [
            Claimed(task, kind, msgspec.json.decode(arguments), attempt, worker)
            for task, kind, arguments, attempt in rows
        ]

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(_DURABLY)
                yield connection
        except _FAILURES as error:
            raise TasksUnreachableError(reason(error)) from error

    async def _rows(self, sql: str, *args: Any) -> list[Any]:
        try:
            async with self._pool.connection() as connection:
                return [tuple(record.values()) for record in await connection.fetch(sql, *args)]
        except _FAILURES as error:
            raise TasksUnreachableError(reason(error)) from error
