"""Sends alerts to the console and to webhooks; each is an event of the run as well.

A webhook gets one POST an alert: {"text", "run_id", "scenario", "alert": {"objective", "broken", "observed", "text"}}; `text` is what
chat services show. Its address was vetted (`conduct.setup.vetted_addresses`): this machine, or an allowed
host; over the Internet by https only, since its path is a secret. A webhook that does not answer delays only
other alerts: five seconds at most, one alert after the other, at most WAITING_MOST waiting; lost alerts are
reported.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from harness.conduct.live.alerts import Alert
from harness.conduct.live.progress import Progress
from harness.conduct.live.webhooks import CONSOLE, hook
from harness.foundation.addresses.connector import connector
from harness.foundation.secrets.hiding import hide_in
from harness.run_directory.events import said

POST_S: Final = 5.0
WAITING_MOST: Final = 100
LAST_S: Final = 10.0  # for alerts that still wait when the run has ended
STATUS_BAD: Final = 300


@dataclass(slots=True)
class Alerting:
    """Accepts alerts without waiting, and sends them."""

    places: Sequence[str]
    progress: Progress
    about: Mapping[str, Any]
    waiting: "asyncio.Queue[Alert]"

    def tell(self, alert: Alert) -> None:
        if CONSOLE in self.places:
            self.progress.note(f"  ! {alert.text}")
        if not self._hooks():
            return
        try:
            self.waiting.put_nowait(alert)
        except asyncio.QueueFull:
            self.progress.note(
                f"  An alert was not sent because {WAITING_MOST} are waiting already: {alert.text}"
            )

    async def send(self) -> None:
        """Send the alerts one after the other, until cancelled."""
        limits = aiohttp.ClientTimeout(total=POST_S)
        async with aiohttp.ClientSession(connector=connector(), timeout=limits) as session:
            while True:
                alert = await self.waiting.get()
                for url in self._hooks():
                    await self._post(session, url, alert)
                self.waiting.task_done()

    def _hooks(self) -> list[str]:
        return [address.url for place in self.places if (address := hook(place)) is not None]

    async def _post(self, session: aiohttp.ClientSession, url: str, alert: Alert) -> None:
        body = {"text": alert.text, **self.about, "alert": said(alert.event(0))}
        try:
            async with session.post(url, json=hide_in(body), allow_redirects=False) as response:
                why = f"status {response.status}" if response.status >= STATUS_BAD else ""
        except (aiohttp.ClientError, TimeoutError) as error:
            why = str(error) or "no answer in time"
        if why:
            self.progress.note(
                f"  The webhook at {urlsplit(url).netloc.rpartition('@')[2]} did not accept an alert: {why}"
            )


@asynccontextmanager
async def alerting(
    places: Sequence[str], progress: Progress, about: Mapping[str, Any]
) -> AsyncIterator[Alerting]:
    """Send alerts while the body runs; afterwards wait a moment for those that are left."""
    sender = Alerting(places, progress, about, asyncio.Queue(WAITING_MOST))
    sending = asyncio.ensure_future(sender.send())
    try:
        yield sender
    finally:
        joining = asyncio.ensure_future(sender.waiting.join())
        await asyncio.wait({joining, sending}, timeout=LAST_S, return_when=asyncio.FIRST_COMPLETED)
        for each in (joining, sending):
            each.cancel()
        await asyncio.wait({joining, sending})
