"""Events for every process on the schema, by PostgreSQL's LISTEN and NOTIFY on the channel of its name.

An event is sent in the transaction of the change, so there is none without a change. A process that is not
connected at that moment misses it: an event is a hint to look, never the truth itself. A lost connection is
made again, after a pause.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import msgspec

from harness.reference.connecting import START_FAILURES, reason
from harness.reference.json_object import JsonObject
from harness.reference.settings import Settings

Event = JsonObject  # {"event": what, …}
Hear = Callable[[Event], None]
PAUSE_S: Final = 1.0

log = logging.getLogger(__name__)


class Events:
    """Receives events, and passes them on to their listeners."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hearing: dict[str, list[Hear]] = {}
        self.connected = asyncio.Event()

    def on(self, event: str, hear: Hear) -> None:
        self._hearing.setdefault(event, []).append(hear)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Receive events while the body runs."""
        listening = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _listen(self) -> None:
        while True:
            try:
                await self._until_lost()
            except START_FAILURES as error:
                log.warning("Not listening for events: %s", reason(error))
            self.connected.clear()
            await asyncio.sleep(PAUSE_S)

    async def _until_lost(self) -> None:
        lost = asyncio.Event()
        connection = await asyncpg.connect(
            self._settings.database_url,
            timeout=self._settings.connect_timeout_s,
            command_timeout=self._settings.statement_timeout_s,
            server_settings={"application_name": "harness-target events"},
        )
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._settings.schema, self._heard)
            self.connected.set()
            await lost.wait()
        finally:
            with contextlib.suppress(*START_FAILURES):
                await connection.close(timeout=self._settings.connect_timeout_s)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            event = msgspec.json.decode(str(payload), type=Event)
        except msgspec.DecodeError:
            log.warning("Ignored an unknown event: %.100s", payload)
            return
        for hear in self._hearing.get(str(event.get("event")), []):
            hear(event)
