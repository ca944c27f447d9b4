"""Registered clients: their keys, their permissions, and when they were last seen.

A key is made here, shown once and never stored (`keys`). A verified key is remembered for a minute
(`verified`), so a client pays for the slow hash once a minute. Changes are announced to other processes
(`events`); a process that misses one accepts a revoked key for at most that minute.
Hashing runs in threads, HASHING_AT_ONCE of them, so that it holds up nothing else.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg
import msgspec

from harness.reference.caller import ADMIN, PERMISSIONS, Caller
from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.databases import BusyError, Pool
from harness.reference.key_cache import TooManyError, Verified
from harness.reference.keys import fits, hashed, id_of, new_key, new_salt

SEEN_EVERY_S: Final = 1.0  # how often a client's last activity is written, at most
HASHING_AT_ONCE: Final = 2
NAME_MAX: Final = 200
LISTED_MAX: Final = 1000
_FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError)
_SALT_OF_NOBODY = b"\0" * 16
_REGISTER = """INSERT INTO clients (id, name, permission, salt, hash) SELECT $1, $2, $3, $4, $5
    FROM set_config('synchronous_commit', 'on', true) ON CONFLICT DO NOTHING
    RETURNING id, name, permission, created_at, seen_at"""
_FIND = "SELECT salt, hash, name, permission FROM clients WHERE id = $1 AND revoked_at IS NULL"
_LIST = """SELECT id, name, permission, created_at, seen_at FROM clients
    WHERE revoked_at IS NULL ORDER BY created_at, id LIMIT $1"""
_CHANGE = """UPDATE clients SET permission = $2 WHERE id = $1 AND revoked_at IS NULL
    RETURNING id, name, permission, created_at, seen_at"""
_REVOKE = """UPDATE clients AS c SET revoked_at = now() FROM set_config('synchronous_commit', 'on', true)
    WHERE id = $1 AND revoked_at IS NULL RETURNING id"""


class ClientsUnreachableError(Exception):
    """The table of clients cannot be read now."""


class TakenError(ValueError):
    """A client with that name or key is already registered."""


class BadClientError(ValueError):
    """A client like this cannot be registered."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as it may be shown, without its key."""

    id: str
    name: str
    permission: str
    created_at: datetime
    seen_at: datetime | None


class Clients:
    """The table of clients, with a cache of verified keys."""

    def __init__(self, pool: Pool, now: Callable[[], float] = time.monotonic) -> None:
        self._pool, self._now = pool, now
        self._verified = Verified(self._verify, now)
        self._hashing = asyncio.Semaphore(HASHING_AT_ONCE)
        self._seen: dict[str, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def register(self, name: str, permission: str, key: str | None = None) -> tuple[Registered, str]:
        """Register a client; return it and its key, which cannot be shown again."""
        if not name.strip() or len(name) > NAME_MAX or "\0" in name:
            raise BadClientError(f"A client needs a name of at most {NAME_MAX} characters.")
        _checked(permission)
        key, salt = key or new_key(), new_salt()
        async with self._hashing:
            hash_of_key = await asyncio.to_thread(hashed, key, salt)
        rows = await self._rows(_REGISTER, id_of(key), name, permission, salt, hash_of_key)
        if not rows:
            raise TakenError(f"A client named {name!r} is registered.")
        return Registered(*rows[0]), key

    async def first_admin(self, key: str) -> str | None:
        """Make sure that there is an admin; return the key of a newly made one, else None.

        A given `key` becomes an admin's, whatever other admins there are; then None is returned.
        """
        if key:
            if await self._verify(key) is None:
                await self.register(f"admin {id_of(key)}", ADMIN, key)
            return None
        if any(client.permission == ADMIN for client in await self.listed()):
            return None
        return (await self.register(f"admin {id_of(made := new_key())}", ADMIN, made))[1]

    async def caller(self, key: str) -> Caller | None:
        """Return whose key this is; None when it is unknown or revoked."""
        try:
            caller = await self._verified.caller(key) if id_of(key) else None
        except TooManyError as error:
            raise ClientsUnreachableError(str(error)) from error
        if caller is not None and caller.client is not None:
            self._note_seen(caller.client)
        return caller

    async def listed(self) -> list[Registered]:
        """Return the registered clients, the oldest first."""
        return [Registered(*row) for row in await self._rows(_LIST, LISTED_MAX)]

    async def change(self, client: str, permission: str) -> Registered | None:
        """Give a client another permission; None when there is no such client."""
        rows = await self._rows(_CHANGE, client, _checked(permission))
        await self._changed(client, permission)
        return Registered(*rows[0]) if rows else None

    async def revoke(self, client: str) -> bool:
        """End a client's key for good; False when there is no such client."""
        rows = await self._rows(_REVOKE, client)
        await self._changed(client, None)
        return bool(rows)

    def forget(self, client: str) -> None:
        """Forget what is cached about a client that has changed."""
        self._verified.forget(client)

    async def _changed(self, client: str, permission: str | None) -> None:
        """Announce a change, here at once and to other processes; a permission of None means revoked."""
        self.forget(client)
        event = msgspec.json.encode({"event": "client", "client": client, "permission": permission}).decode()
        await self._rows("SELECT pg_notify(current_schema(), $1)", event)

    async def settle(self) -> None:
        """Wait until pending writes are done; each statement has a time limit."""
        await asyncio.gather(*self._noting)

    async def _verify(self, key: str) -> Caller | None:
        client = id_of(key)
        rows = await self._rows(_FIND, client)
        # An unknown client takes as long as a wrong secret.
        salt, right, name, permission = rows[0] if rows else (_SALT_OF_NOBODY, b"", "", "")
        async with self._hashing:
            is_right = await asyncio.to_thread(fits, key, salt, right)
        return Caller(name, permission, client=client) if is_right else None

    def _note_seen(self, client: str) -> None:
        now = self._now()
        if now - self._seen.get(client, -SEEN_EVERY_S) < SEEN_EVERY_S:
            return
        self._seen[client] = now
        task = asyncio.create_task(self._write_seen(client))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_seen(self, client: str) -> None:
        try:
            await self._rows("UPDATE clients SET seen_at = now() WHERE id = $1 RETURNING id", client)
        except ClientsUnreachableError:
            self._seen.pop(client, None)  # the next request writes it

    async def _rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        try:
            async with self._pool.connection() as connection:
                return [tuple(record.values()) for record in await connection.fetch(sql, *args)]
        except _FAILURES as error:
            raise ClientsUnreachableError(reason(error)) from error


def _checked(permission: str) -> str:
    if permission not in PERMISSIONS:
        raise BadClientError(f"There is no permission {permission!r}; there are {', '.join(PERMISSIONS)}.")
    return permission
