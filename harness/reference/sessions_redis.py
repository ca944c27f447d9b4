"""Sessions in Redis: one hash each, which Redis itself deletes when it expires.

    {schema}:session:ID     client, version, protocol, owner, metadata, requests, active, times, closed
    {schema}:open           ids by the time at which they expire: how many are open, without looking at each
    {schema}:totals         "sessions TYPE CLIENT" and "requests TYPE CLIENT": what clients did, for ever

Each operation is one script, so it is atomic, by Redis's clock. Requests that arrive together share one
(`touches`). A closed session's hash stays until it would have expired, so that its id is not used again.
How durable the data are depends on Redis's configuration: with `appendonly yes` they survive its restart.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

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

CLIENTS_MAX: Final = 10_000  # names in the totals; what comes after them is counted under the empty name
_NOW = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
_OPEN = (
    _NOW
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local name = ARGV[2]
if redis.call('HLEN', KEYS[3]) >= 2 * tonumber(ARGV[8]) and
   redis.call('HEXISTS', KEYS[3], 'sessions ' .. ARGV[5] .. ' ' .. name) == 0 then name = '' end
redis.call('HSET', KEYS[1], 'client', ARGV[2], 'version', ARGV[3], 'protocol', ARGV[4], 'owner', ARGV[6],
  'metadata', ARGV[7], 'requests', 0, 'active', 0, 'served_by', '', 'opened', now, 'seen', now,
  'expires', now + ARGV[9], 'counted', ARGV[5] .. ' ' .. name)
redis.call('PEXPIREAT', KEYS[1], now + ARGV[9])
redis.call('ZADD', KEYS[2], now + ARGV[9], ARGV[1])
redis.call('HINCRBY', KEYS[3], 'sessions ' .. ARGV[5] .. ' ' .. name, 1)
redis.call('HINCRBY', KEYS[3], 'requests ' .. ARGV[5] .. ' ' .. name, 0)
return 1"""
)
_TOUCH = (
    _NOW
    + """
local alive = {}
for i = 3, #KEYS do
  local at = 3 + (i - 3) * 4
  local id, owner, begun, ended = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local is = redis.call('HMGET', KEYS[i], 'owner', 'closed', 'active', 'served_by', 'counted')
  if is[1] == owner and not is[2] then
    local active, by = tonumber(is[3]), is[4]
    if by == ARGV[1] then active = math.max(0, active + begun - ended)
    elseif begun > 0 then active, by = math.max(0, begun - ended), ARGV[1] end
    redis.call('HSET', KEYS[i], 'active', active, 'served_by', by, 'seen', now, 'expires', now + ARGV[2])
    redis.call('HINCRBY', KEYS[i], 'requests', begun)
    redis.call('HINCRBY', KEYS[2], 'requests ' .. is[5], begun)
    redis.call('PEXPIREAT', KEYS[i], now + ARGV[2])
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    alive[#alive + 1] = i - 3
  end
end
return alive"""
)
_CLOSE = """
local is = redis.call('HMGET', KEYS[1], 'owner', 'closed')
if is[1] ~= ARGV[2] or is[2] then return 0 end
redis.call('HSET', KEYS[1], 'closed', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
return 1"""
_SWEEP = _NOW + "return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)"
_COUNT = _NOW + "return redis.call('ZCOUNT', KEYS[1], '(' .. now, '+inf')"
_NOBODY = "-"  # an owner's id is never that


@asynccontextmanager
async def connected(url: str, *, at_most: int, wait_s: float, answer_s: float) -> "AsyncIterator[Redis]":
    """Yield a bounded pool of lazy connections: making it never fails, using it may."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=at_most,
        timeout=wait_s,
        socket_timeout=answer_s,
        socket_connect_timeout=answer_s,
        retry=Retry(NoBackoff(), 0),  # a touch that is sent twice counts twice
        decode_responses=True,
    )
    try:
        yield Redis(connection_pool=pool)
    finally:
        await pool.aclose()


class RedisSessions:
    """A SessionStore and its upkeep."""

    def __init__(self, redis: Redis, schema: str, ttl_s: float, make_id: NewId = new_id) -> None:
        self._redis, self._ttl_ms, self._make_id = redis, max(1, round(ttl_s * 1000)), make_id
        self._space = f"{{{schema}}}"  # braces: a cluster keeps the keys of one script together
        self._open_ones, self._totals = f"{self._space}:open", f"{self._space}:totals"
        self._process = new_id()
        self._touches = Touches(self._send)
        self._scripts = {
            text: redis.register_script(text) for text in (_OPEN, _TOUCH, _CLOSE, _SWEEP, _COUNT)
        }

    async def settle(self) -> None:
        await self._touches.settle()

    async def open(self, client: Client) -> str:
        metadata = msgspec.json.encode(client.metadata).decode()
        who = (client.name, client.version, client.protocol, client.type, client.owner or _NOBODY, metadata)
        for _ in range(IDS_TRIED):
            session_id = self._make_id()
            keys = [self._hash(session_id), self._open_ones, self._totals]
            if await self._run(_OPEN, keys, session_id, *who, CLIENTS_MAX, self._ttl_ms):
                return session_id
        raise StoreUnreachableError(f"{IDS_TRIED} new session ids in a row were taken")

    async def touch(self, session_id: str, owner: str | None = None) -> bool:
        return await self._touches.touch((session_id, owner))

    def leave(self, session_id: str, owner: str | None = None) -> None:
        self._touches.leave((session_id, owner))

    async def close(self, session_id: str, owner: str | None = None) -> bool:
        keys = [self._hash(session_id), self._open_ones]
        return bool(await self._run(_CLOSE, keys, session_id, owner or _NOBODY))

    async def sweep(self) -> int:
        return int(await self._run(_SWEEP, [self._open_ones]))

    async def count(self) -> int:
        return int(await self._run(_COUNT, [self._open_ones]))

    async def find(self, session_id: str) -> Session | None:
        values = await self._asked(self._redis.hgetall(self._hash(session_id)))
        if not values or "closed" in values:
            return None
        owner = None if values["owner"] == _NOBODY else values["owner"]
        client = Client(
            values["client"],
            values["version"],
            values["protocol"],
            owner,
            msgspec.json.decode(values["metadata"]),
        )
        counts = int(values["requests"]), int(values["active"])
        times = (_time(values[name]) for name in ("opened", "seen", "expires"))
        return Session(session_id, client, *counts, *times)

    async def statistics(self) -> Statistics:
        usages: dict[tuple[str, str], dict[str, int]] = {}
        for name, count in (await self._asked(self._redis.hgetall(self._totals))).items():
            what, kind, client = name.split(" ", 2)
            usages.setdefault((client, kind), {})[what] = int(count)
        listed = [Usage(*who, counts["sessions"], counts["requests"]) for who, counts in usages.items()]
        return statistics_of(await self.count(), listed)

    async def check(self) -> None:
        # Write a key, because a read-only Redis answers a PING as well.
        await self._asked(self._redis.set(f"{self._space}:check", "1", px=1000))

    async def _send(self, touches: Sequence[Touch]) -> set[Key]:
        keys = [self._open_ones, self._totals, *(self._hash(touch.session) for touch in touches)]
        values = [
            value
            for touch in touches
            for value in (touch.session, touch.owner or _NOBODY, touch.begun, touch.ended)
        ]
        alive = await self._run(_TOUCH, keys, self._process, self._ttl_ms, *values)
        return {touches[index].key for index in alive}

    def _hash(self, session_id: str) -> str:
        return f"{self._space}:session:{session_id}"

    async def _run(self, script: str, keys: Sequence[str], *values: str | int) -> Any:
        return await self._asked(self._scripts[script](keys=list(keys), args=list(values)))

    @staticmethod
    async def _asked(answer: Any) -> Any:
        try:
            return await answer
        except (RedisError, OSError) as error:
            raise StoreUnreachableError(str(error) or type(error).__name__) from error


def _time(ms: str | int) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, UTC)
