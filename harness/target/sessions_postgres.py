"""Sessions in PostgreSQL: the table `sessions`, in the schema that the settings name.

`touch` is on the path of every request, so requests that arrive while one UPDATE is under way share the next:

    request   A     B  C        D
    UPDATE    [A]---[B C]-------[D]---        never two at a time, never more than one a request

Each request is still judged by the table itself: a session closed by another process is gone at once.
Opening and closing are flushed to disk before they are answered; touching is not (the connections have
synchronous_commit off), so a crash of PostgreSQL can lose a fraction of a second of activity, never a session.
The schema is the pool's search_path, so the statements here need not name it.
The time of PostgreSQL decides, so processes on several machines agree.
"""

import asyncio
from collections import Counter
from typing import Any

import asyncpg

from harness.target.databases import UNREACHABLE, BusyError, Pool, reason
from harness.target.sessions import Client, NewId, StoreUnreachableError, new_id

IDS_TRIED = 5  # with 128 random bits the second is already unheard of
TOUCHED_AT_ONCE = 500
_FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)


class PostgresSessions:
    """A SessionStore and its upkeep."""

    def __init__(self, pool: Pool, ttl_s: float, make_id: NewId = new_id) -> None:
        self._pool, self._ttl_s, self._make_id = pool, ttl_s, make_id
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._touching: asyncio.Task[None] | None = None

    async def open(self, client: Client) -> str:
        for _ in range(IDS_TRIED):
            session_id = self._make_id()
            sql = """INSERT INTO sessions (id, client, client_version, protocol, expires_at)
                SELECT $1, $2, $3, $4, now() + make_interval(secs => $5)
                FROM set_config('synchronous_commit', 'on', true) ON CONFLICT DO NOTHING RETURNING id"""
            values = (session_id, client.name, client.version, client.protocol, self._ttl_s)
            if await self._ids(sql, *values):
                return session_id
        raise StoreUnreachableError(f"{IDS_TRIED} new session ids in a row were taken")

    async def touch(self, session_id: str) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((session_id, answer))
        if self._touching is None:
            self._touching = asyncio.create_task(self._touch_waiting())
        return await answer

    async def close(self, session_id: str) -> bool:
        sql = """UPDATE sessions AS s SET closed_at = now()
            FROM set_config('synchronous_commit', 'on', true)
            WHERE id = $1 AND closed_at IS NULL AND expires_at > now() RETURNING id"""
        return bool(await self._ids(sql, session_id))

    async def sweep(self) -> int:
        # Closed ones stay until they would have expired: until then their id must not be given again.
        return len(await self._ids("DELETE FROM sessions WHERE expires_at <= now() RETURNING id"))

    async def count(self) -> int:
        sql = "SELECT count(*)::text FROM sessions WHERE closed_at IS NULL AND expires_at > now()"
        return int((await self._ids(sql))[0])

    async def check(self) -> None:
        await self._ids("SELECT id FROM sessions LIMIT 1")

    async def _touch_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOUCHED_AT_ONCE], self._waiting[TOUCHED_AT_ONCE:]
                await self._touch_batch(batch)
        finally:
            self._touching = None

    async def _touch_batch(self, batch: list[tuple[str, "asyncio.Future[bool]"]]) -> None:
        counts = Counter(session_id for session_id, _ in batch)
        sql = """UPDATE sessions AS s SET requests = requests + touched.n, seen_at = now(),
            expires_at = now() + make_interval(secs => $3)
            FROM unnest($1::text[], $2::int[]) AS touched (id, n)
            WHERE s.id = touched.id AND closed_at IS NULL AND expires_at > now() RETURNING s.id"""
        try:
            alive = set(await self._ids(sql, list(counts), list(counts.values()), self._ttl_s))
        except StoreUnreachableError as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for session_id, answer in batch:
            if not answer.done():  # its request may have been given up meanwhile
                answer.set_result(session_id in alive)

    async def _ids(self, sql: str, *args: Any) -> list[str]:
        try:
            async with self._pool.connection() as connection:
                return [record[0] for record in await connection.fetch(sql, *args)]
        except _FAILURES as error:
            raise StoreUnreachableError(reason(error)) from error
