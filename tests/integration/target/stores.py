"""The session stores, each on its real server, for tests that hold for all of them."""

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from redis.asyncio import Redis

from harness.reference import databases
from harness.reference.sessions_postgres import PostgresSessions
from harness.reference.sessions_redis import RedisSessions, connected
from harness.reference.settings import Settings


@dataclass
class OnPostgres:
    """Sessions in the schema of one test."""

    settings: Settings
    sql: Any

    @asynccontextmanager
    async def opened(self, **options):
        async with databases.opened(self.settings) as parts:
            yield PostgresSessions(parts.own, self.settings.session_ttl_s, **options)

    async def leave_it(self, session, seconds):
        """Let the session have that long to live."""
        sql = f"UPDATE {self.settings.schema}.sessions SET expires_at = now() + make_interval(secs => $2) WHERE id = $1"
        await self.sql.execute(sql, session, seconds)

    async def ids(self):
        return {row[0] for row in await self.sql.fetch(f"SELECT id FROM {self.settings.schema}.sessions")}

    async def spoil(self):
        await self.sql.execute(f"ALTER TABLE {self.settings.schema}.sessions RENAME TO gone")

    async def mend(self):
        await self.sql.execute(f"ALTER TABLE {self.settings.schema}.gone RENAME TO sessions")


@dataclass
class OnRedis:
    """Sessions under the prefix of one test."""

    settings: Settings
    redis: Any

    @asynccontextmanager
    async def opened(self, **options):
        async with connected(self.settings.redis_url, at_most=10, wait_s=5, answer_s=5) as redis:
            yield RedisSessions(redis, self.settings.schema, self.settings.session_ttl_s, **options)

    async def leave_it(self, session, seconds):
        left_ms = int(seconds * 1000)
        now_s, now_us = await self.redis.time()
        expires_ms = now_s * 1000 + now_us // 1000 + left_ms
        await self.redis.zadd(self.key("open"), {session: expires_ms})
        await self.redis.hset(self.key(f"session:{session}"), "expires", expires_ms)
        await self.redis.pexpire(self.key(f"session:{session}"), left_ms)

    async def ids(self):
        return {key.rpartition(":")[2] async for key in self.redis.scan_iter(self.key("session:*"))}

    async def spoil(self):
        """Scripts that meet a key of another kind fail."""
        await self.redis.rename(self.key("open"), self.key("gone"))
        await self.redis.set(self.key("open"), "nonsense")

    async def mend(self):
        await self.redis.rename(self.key("gone"), self.key("open"))

    async def clear(self):
        async for key in self.redis.scan_iter(self.key("*")):
            await self.redis.delete(key)

    def key(self, name):
        return f"{{{self.settings.schema}}}:{name}"


@asynccontextmanager
async def on_postgres(settings):
    sql = await asyncpg.connect(settings.database_url)
    try:
        yield OnPostgres(settings, sql)
    finally:
        await sql.execute(f"DROP SCHEMA IF EXISTS {settings.schema} CASCADE")
        await sql.close()


@asynccontextmanager
async def on_redis(settings):
    redis = Redis.from_url(settings.redis_url, decode_responses=True)
    place = OnRedis(settings, redis)
    try:
        yield place
    finally:
        await place.clear()
        await redis.aclose()
