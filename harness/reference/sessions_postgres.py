"""Sessions in PostgreSQL: one table, in the schema that the settings name.

Each request checks the table itself: a session closed by another process is gone at once. Requests that
arrive together share one UPDATE (`touches`).
Opening and closing are flushed to disk before they are answered; touching is not (the connections have
synchronous_commit off), so a crash of PostgreSQL can lose a fraction of a second of activity, never a session.
The schema is the pool's search_path, so the statements here need not name it.
PostgreSQL's clock decides, so that processes on several machines agree.
The statement that deletes a session adds its counts to `session_totals`: statistics lose nothing.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.databases import BusyError, Pool
from harness.reference.sessions import (
    IDS_TRIED,
    Client,
    NewId,
    Session,
    Statistics,
    StoreUnreachableError,
    Usage,
    new_id,
    statistics_of,
)
from harness.reference.touches import Key, Touch, Touches

_FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)
_OPEN = """INSERT INTO sessions (id, client, client_version, protocol, client_type, owner, metadata, expires_at)
    SELECT $1, $2, $3, $4, $5, $6, $7::text::jsonb, now() + make_interval(secs => $8)
    FROM set_config('synchronous_commit', 'on', true) ON CONFLICT DO NOTHING RETURNING id"""
# `active` counts the requests of one process: those of a process that died are forgotten.
_TOUCH = """UPDATE sessions AS s SET requests = requests + t.begun, seen_at = now(),
    expires_at = now() + make_interval(secs => $6),
    active = CASE WHEN served_by = $5 THEN greatest(0, active + t.begun - t.ended)
                  WHEN t.begun > 0 THEN greatest(0, t.begun - t.ended) ELSE active END,
    served_by = CASE WHEN t.begun > 0 THEN $5 ELSE served_by END
    FROM unnest($1::text[], $2::text[], $3::int[], $4::int[]) AS t (id, owner, begun, ended)
    WHERE s.id = t.id AND s.owner IS NOT DISTINCT FROM t.owner AND closed_at IS NULL AND expires_at > now()
    RETURNING s.id, s.owner"""
_CLOSE = """UPDATE sessions AS s SET closed_at = now() FROM set_config('synchronous_commit', 'on', true)
    WHERE id = $1 AND owner IS NOT DISTINCT FROM $2 AND closed_at IS NULL AND expires_at > now() RETURNING id"""
_SWEEP = """WITH gone AS (
      DELETE FROM sessions WHERE expires_at <= now() RETURNING client, client_type, requests),
    kept AS (
      INSERT INTO session_totals AS t (client, client_type, sessions, requests)
      SELECT client, client_type, count(*), sum(requests) FROM gone GROUP BY 1, 2
      ON CONFLICT (client, client_type) DO UPDATE
      SET sessions = t.sessions + excluded.sessions, requests = t.requests + excluded.requests)
    SELECT 1 FROM gone"""
_TOTALS = """SELECT client, client_type, sum(sessions)::bigint, sum(requests)::bigint FROM (
      SELECT client, client_type, sessions, requests FROM session_totals
      UNION ALL SELECT client, client_type, 1, requests FROM sessions) AS all_of_them GROUP BY 1, 2"""
_FIND = """SELECT id, client, client_version, protocol, owner, metadata::text, requests, active,
    opened_at, seen_at, expires_at FROM sessions WHERE id = $1 AND closed_at IS NULL AND expires_at > now()"""
_COUNT = "SELECT count(*) FROM sessions WHERE closed_at IS NULL AND expires_at > now()"


class PostgresSessions:
    """A SessionStore and its upkeep."""

    def __init__(self, pool: Pool, ttl_s: float, make_id: NewId = new_id) -> None:
        self._pool, self._ttl_s, self._make_id = pool, ttl_s, make_id
        self._process = new_id()
        self._touches = Touches(self._send)

    async def settle(self) -> None:
        await self._touches.settle()

    async def open(self, client: Client) -> str:
        metadata = msgspec.json.encode(client.metadata).decode()
        who = (client.name, client.version, client.protocol, client.type, client.owner, metadata)
        for _ in range(IDS_TRIED):
            session_id = self._make_id()
            if await self._rows(_OPEN, session_id, *who, self._ttl_s):
                return session_id
        raise StoreUnreachableError(f"{IDS_TRIED} new session ids in a row were taken")

    async def touch(self, session_id: str, owner: str | None = None) -> bool:
        return await self._touches.touch((session_id, owner))

    def leave(self, session_id: str, owner: str | None = None) -> None:
        self._touches.leave((session_id, owner))

    async def close(self, session_id: str, owner: str | None = None) -> bool:
        return bool(await self._rows(_CLOSE, session_id, owner))

    async def sweep(self) -> int:
        # Closed sessions stay until they would have expired, so that their id is not used again before.
        return len(await self._rows(_SWEEP))

    async def count(self) -> int:
        return int((await self._rows(_COUNT))[0][0])

    async def find(self, session_id: str) -> Session | None:
        for row in await self._rows(_FIND, session_id):
            key, name, version, protocol, owner, metadata, *counts_and_times = row
            client = Client(name, version, protocol, owner, msgspec.json.decode(metadata))
            return Session(key, client, *counts_and_times)
        return None

    async def statistics(self) -> Statistics:
        return statistics_of(await self.count(), [Usage(*row) for row in await self._rows(_TOTALS)])

    async def check(self) -> None:
        await self._rows("SELECT id FROM sessions LIMIT 1")

    async def _send(self, touches: Sequence[Touch]) -> set[Key]:
        ids, owners, begun, ended = (
            [touch.session for touch in touches],
            [touch.owner for touch in touches],
            [touch.begun for touch in touches],
            [touch.ended for touch in touches],
        )
        rows = await self._rows(_TOUCH, ids, owners, begun, ended, self._process, self._ttl_s)
        return {(row[0], row[1]) for row in rows}

    async def _rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        try:
            async with self._pool.connection() as connection:
                return [tuple(record.values()) for record in await connection.fetch(sql, *args)]
        except _FAILURES as error:
            raise StoreUnreachableError(reason(error)) from error
