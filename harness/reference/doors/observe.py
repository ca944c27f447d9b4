"""/health, /status and /metrics: whether the service can work, and what it is doing.

/health answers within its time limit even if parts hang, because load balancers, and load tests during a
fault, read it:

    healthy     200   every part answers
    degraded    200   a part does not (Redis, a queue), but tools can be called
    unhealthy   503   the databases of the tools do not answer

/status is for people, /metrics for Prometheus: the same numbers.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import asyncpg
from starlette.requests import Request
from starlette.responses import Response

from harness import __version__
from harness.reference.admission import Admission
from harness.reference.databases import UNREACHABLE, BusyError, Databases, reason
from harness.reference.dialect import DATABASES
from harness.reference.doors.metrics import text
from harness.reference.doors.wire import encode
from harness.reference.executions import Executions
from harness.reference.refusals import Refusals
from harness.reference.sessions import SessionUpkeep, StoreUnreachableError
from harness.reference.settings import Settings
from harness.reference.tasks.task import QueueUnreachableError, TasksUnreachableError
from harness.reference.tools import TOOLS
from harness.reference.traffic import Traffic

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NEEDED = "database"  # without it nothing works
Check = Callable[[], Awaitable[object]]
_FAILURES = (
    *UNREACHABLE,
    BusyError,
    asyncpg.PostgresError,
    StoreUnreachableError,
    QueueUnreachableError,
    TasksUnreachableError,
)


@dataclass(frozen=True, slots=True)
class Observer:
    """The pages; `checks` covers parts other than the databases and the sessions."""

    settings: Settings
    databases: Databases
    sessions: SessionUpkeep
    executions: Executions
    refusals: Refusals
    admission: Admission
    traffic: Traffic
    checks: Mapping[str, Check] = field(default_factory=dict)

    async def health(self, _request: Request) -> Response:
        checks: dict[str, Check] = {
            NEEDED: self._databases_work,
            "sessions": self.sessions.check,
            **self.checks,
        }
        results = await asyncio.gather(*(self._checked(check) for check in checks.values()))
        words = dict(zip(checks, results, strict=True))
        if words[NEEDED] != "ok":
            return self._page({"status": "unhealthy", "checks": words}, 503)
        all_well = all(word == "ok" for word in results)
        return self._page({"status": "healthy" if all_well else "degraded", "checks": words})

    async def status(self, _request: Request) -> Response:
        return self._page(
            {
                "service": "harness-target",
                "version": __version__,
                "uptime_s": self.traffic.uptime_s(),
                "sessions": {"open": await self._sessions_open()},
                "pools": self.databases.statistics(),
                "requests": dict(self.traffic.requests),
                "in_flight": self.admission.in_flight,
                "refused": dict(self.admission.refused),
                "executions": self.executions.statistics(),
                "refusals": {
                    **self.refusals.journal.statistics(),
                    "kinds": {f"{door}: {kind}": n for (door, kind), n in self.refusals.counts.items()},
                },
                "limits": {
                    "calls_per_s_and_client": self.settings.rate_limit or None,
                    "in_flight": self.settings.max_in_flight or None,
                },
                "tools": list(TOOLS),
            }
        )

    async def metrics(self, _request: Request) -> Response:
        page = text(
            self.traffic,
            self.admission,
            self.executions,
            self.refusals,
            self.databases.statistics(),
            await self._sessions_open(),
        )
        return Response(page, media_type=METRICS_TYPE)

    async def _databases_work(self) -> None:
        """Query the database of the tools and that of the records: either may be down alone."""
        await self.databases.read[DATABASES[0]].query("SELECT 1")
        await self.databases.own.query("SELECT 1 FROM executions LIMIT 1")

    async def _sessions_open(self) -> int | None:
        """Return the number of open sessions; None when it is unknown."""
        try:
            async with asyncio.timeout(self.settings.health_timeout_s):
                return await self.sessions.count()
        except _FAILURES:
            return None

    async def _checked(self, check: Check) -> str:
        try:
            async with asyncio.timeout(self.settings.health_timeout_s):
                await check()
        except _FAILURES as error:
            return reason(error)
        return "ok"

    @staticmethod
    def _page(content: dict[str, object], status: int = 200) -> Response:
        return Response(encode(content), status, media_type="application/json")
