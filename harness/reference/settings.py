"""The settings of the reference service, as one frozen value.

The starting program fills them in from flags, files or the environment; no other code reads any of these. An
invalid value is refused here, before anything is started.
"""

import math
import re
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from harness.foundation.errors import UsageError
from harness.reference import keys
from harness.reference.broken import BREAKS

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the service needs to know; only the database has no default."""

    database_url: str
    host: str = "127.0.0.1"
    port: int = 8000  # 0 takes a free one
    schema: str = "harness_target"  # of the service's own tables: dropped in one statement
    sessions: str = ""  # kept in "postgres" or "redis"; without a word in Redis if there is one
    redis_url: str = ""
    auth: bool = False  # True: every door but /health asks for a registered client's key
    admin_key: str = (
        ""  # of a client that may do everything; without one the first start makes one and shows it
    )
    worker: bool = False  # True: no doors, tasks only
    amqp_url: str = ""  # RabbitMQ for tasks; without it their queue is in PostgreSQL
    task_workers: int = 4  # tasks at once in this process; 0 leaves them to others
    task_lease_s: float = 10.0  # a worker that says nothing for so long has lost its task
    broken: tuple[str, ...] = ()  # on purpose, in these ways: see harness/reference/broken
    session_ttl_s: float = 1800.0  # a session without activity for so long is gone
    session_sweep_s: float = 60.0  # how often the rows of expired sessions are deleted
    pool_min: int = 0  # connections kept open, for each database
    pool_max: int = 10  # and at most
    pool_wait_s: float = 5.0  # for a free connection
    connect_timeout_s: float = 5.0
    statement_timeout_s: float = 10.0
    result_bytes_max: int = 8_000_000  # of one result: what PostgreSQL sends for it, and its JSON
    health_timeout_s: float = 2.0
    record_ttl_s: float = 86400.0  # rows of executions are deleted when they are older
    rate_limit: float = 0.0  # calls a second for each client; 0 is no limit
    max_in_flight: int = 0  # calls of all clients at once; 0 is no limit
    drain_s: float = 5.0  # for calls in flight when the service is asked to stop
    json_response: bool = True  # False: /mcp answers with event streams
    allowed_hosts: tuple[str, ...] = ()  # Host headers beside those of loopback
    trusted_proxies: tuple[str, ...] = ()  # addresses whose X-Forwarded-For says who asks

    def __post_init__(self) -> None:
        if _scheme(self.database_url) not in {"postgresql", "postgres"}:
            raise UsageError(
                "The reference target needs a PostgreSQL database.",
                f"{without_password(self.database_url)} is not the URL of one.",
                "Give one such as postgresql://user@127.0.0.1:5432/postgres",
            )
        if not _SCHEMA.fullmatch(self.schema) or self.schema.startswith("pg_"):
            raise UsageError(
                f"{self.schema!r} cannot name the target's schema.",
                "It must be a lower-case PostgreSQL name that does not begin with pg_.",
                "Use letters, digits and underscores, for example harness_target",
            )
        self._check_parts()
        self._check_numbers()

    def _check_numbers(self) -> None:
        if not 0 <= self.port <= 65535:
            raise UsageError(
                f"There is no port {self.port}.", "Ports go from 0 to 65535.", "0 takes a free one."
            )
        if not 0 <= self.pool_min <= self.pool_max or self.pool_max < 1:
            raise UsageError(
                f"A pool of {self.pool_min} to {self.pool_max} connections cannot work.",
                "The maximum must be at least one, and not below the minimum.",
                "For example a minimum of 0 and a maximum of 10.",
            )
        if not 0 <= self.rate_limit < math.inf or self.max_in_flight < 0:
            raise UsageError(
                "A limit of the target must be 0 or more, and finite.",
                f"--rate-limit is {self.rate_limit:g}, --max-in-flight is {self.max_in_flight}.",
                "Give a number of calls; 0 is no limit.",
            )
        if self.result_bytes_max < 1:
            raise UsageError(
                f"--result-bytes-max cannot be {self.result_bytes_max}.",
                "A result has at least one byte.",
                "For example --result-bytes-max 8000000",
            )
        times_s = (self.session_ttl_s, self.session_sweep_s, self.pool_wait_s, self.connect_timeout_s)
        if (
            min(
                *times_s,
                self.record_ttl_s,
                self.task_lease_s,
                self.statement_timeout_s,
                self.health_timeout_s,
            )
            <= 0
        ):
            raise UsageError(
                "A time limit of the target is not positive.", todo="Give each limit more than 0 seconds."
            )

    def _check_parts(self) -> None:
        """Check the settings of other parts."""
        for address in self.trusted_proxies:
            _check_address(address)
        if self.redis_url and _scheme(self.redis_url) not in {"redis", "rediss", "unix"}:
            raise UsageError(
                "The Redis URL is not one.",
                f"{without_password(self.redis_url)} does not begin with redis://",
                "Give one such as redis://127.0.0.1:6379/0",
            )
        if self.sessions not in {"", "postgres", "redis"}:
            raise UsageError(
                f"Sessions cannot be kept in {self.sessions!r}.",
                "There are two stores: postgres and redis.",
                "Give --sessions postgres, or --sessions redis with --redis-url.",
            )
        if self.sessions == "redis" and not self.redis_url:
            raise UsageError(
                "Sessions cannot be kept in Redis.",
                "Neither --redis-url nor REDIS_URL names one.",
                "Give --redis-url redis://127.0.0.1:6379/0, or --sessions postgres.",
            )
        if self.admin_key and keys.id_of(self.admin_key) is None:
            raise UsageError(
                "The admin key is not a key.", f"A key is {keys.FORM}.", f"For example: {keys.new_key()}"
            )
        if self.amqp_url and _scheme(self.amqp_url) not in {"amqp", "amqps"}:
            raise UsageError(
                "The RabbitMQ URL is not one.",
                f"{without_password(self.amqp_url)} does not begin with amqp://",
                "Give one such as amqp://guest:guest@127.0.0.1:5672/",
            )
        if unknown := set(self.broken) - set(BREAKS):
            raise UsageError(
                f"The service has no defect {', '.join(sorted(unknown))}.",
                "--break takes the name of a defect.",
                f"There are {', '.join(BREAKS)}.",
            )
        if "greedy-cleanup" in self.broken and self.sessions_in_redis:
            raise UsageError(
                "greedy-cleanup does not break sessions in Redis.",
                "Redis deletes expired sessions itself.",
                "Give --sessions postgres.",
            )
        if self.task_workers < int(self.worker):
            raise UsageError(
                f"--task-workers cannot be {self.task_workers}.",
                "It is 0 or more, and at least 1 for a worker.",
                "For example --task-workers 4",
            )

    @property
    def sessions_in_redis(self) -> bool:
        return self.sessions == "redis" or (self.sessions == "" and bool(self.redis_url))


def _scheme(url: str) -> str:
    """Return the scheme of a URL; "" for an invalid one, such as one with an open bracket."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _check_address(words: str) -> None:
    try:
        ip_network(words)
    except ValueError as error:
        raise UsageError(
            f"{words!r} is not the address of a proxy.", str(error), "For example --trust-proxy 10.0.0.7"
        ) from error


def without_password(url: str) -> str:
    """Return the URL with its password hidden; nothing of what is no URL, because any of it may be one."""
    if "://" not in url:
        return "A text that is no URL, and is not shown,"
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:***@", url)
