"""/health and /status: whether the service can work, and what it is doing.

/health answers within its time limit whatever the database does, because it is read by load balancers and
by load tests in the middle of a fault: 200 and "healthy", or 503 and "unhealthy" with the check that failed.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from harness import __version__
from harness.target.databases import UNREACHABLE, BusyError, Databases, reason
from harness.target.dialect import DATABASES
from harness.target.doors.wire import encode
from harness.target.sessions import SessionUpkeep, StoreUnreachableError
from harness.target.settings import Settings

_FAILURES = (*UNREACHABLE, BusyError, asyncpg.PostgresError, StoreUnreachableError)


@dataclass(slots=True)
class Traffic:
    """Requests by door since the start; a WebSocket connection counts once."""

    started_s: float = field(default_factory=time.monotonic)
    requests: Counter[str] = field(default_factory=Counter)

    def uptime_s(self) -> float:
        return round(time.monotonic() - self.started_s, 3)


@dataclass(frozen=True, slots=True)
class Observer:
    """The two pages."""

    settings: Settings
    databases: Databases
    sessions: SessionUpkeep
    traffic: Traffic

    async def health(self, _request: Request) -> Response:
        try:
            async with asyncio.timeout(self.settings.health_timeout_s):
                # The way of the tools and the way of the sessions: either may be down alone.
                await self.databases.read[DATABASES[0]].query("SELECT 1")
                await self.sessions.check()
        except _FAILURES as error:
            return self._page({"status": "unhealthy", "checks": {"database": reason(error)}}, 503)
        return self._page({"status": "healthy", "checks": {"database": "ok"}})

    async def status(self, _request: Request) -> Response:
        try:
            async with asyncio.timeout(self.settings.health_timeout_s):
                sessions: int | None = await self.sessions.count()
        except _FAILURES:
            sessions = None  # unknown, which is not none
        return self._page(
            {
                "service": "harness-target",
                "version": __version__,
                "uptime_s": self.traffic.uptime_s(),
                "sessions": {"open": sessions},
                "pools": self.databases.statistics(),
                "requests": dict(self.traffic.requests),
            }
        )

    @staticmethod
    def _page(content: dict[str, object], status: int = 200) -> Response:
        return Response(encode(content), status, media_type="application/json")
