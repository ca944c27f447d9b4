"""greedy-cleanup: sessions that are idle for IDLE_S are deleted as if they had expired."""

from typing import Final

from harness.reference.databases import Pool

IDLE_S: Final = 2.0


class GreedyCleanup:
    """A cleanup of sessions in PostgreSQL that deletes too many."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sweep(self) -> int:
        sql = "DELETE FROM sessions WHERE seen_at < now() - make_interval(secs => $1) RETURNING id"
        return len((await self._pool.query(sql, IDLE_S)).rows)
