"""leaky-context: the schema of a request is stored in a place that all requests share.

One request at a time sees its own; of those at once, one may read what another asked for.
"""

import asyncio
from typing import Any

from harness.reference.databases import Pool, Table


class LeakyPool:
    """A pool of one database, with the schema of the latest request."""

    def __init__(self, sound: Pool) -> None:
        self._sound = sound
        self._schema: str | None = None

    async def query(self, sql: str, *args: object, schema: str | None = None) -> Table:
        self._schema = schema
        await asyncio.sleep(0)
        return await self._sound.query(sql, *args, schema=self._schema)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)
