"""The command-line options: one row for each setting, for `python -m harness.reference` and `harness serve`.

To add a setting: a field of Settings, and a row here.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.reference.broken import BREAKS
from harness.reference.settings import Settings


@dataclass(frozen=True, slots=True)
class Flag:
    """An option: `--option VALUE`, or `--option` alone, which sets the value `present`."""

    about: str
    kind: type[str] | type[int] | type[float] = str
    option: str = ""  # where it is not the field's name
    choices: tuple[str, ...] = ()
    many: bool = False  # may be given again and again
    present: bool | None = None  # the value that the option sets


FLAGS: Final[Mapping[str, Flag]] = {
    "database_url": Flag("PostgreSQL to use (default: DATABASE_URL of the environment)"),
    "host": Flag("address to listen on"),
    "port": Flag("port to listen on; 0 takes a free one", int),
    "schema": Flag("schema of the service's own tables"),
    "sessions": Flag(
        "where to keep sessions (default: redis when there is a --redis-url, else postgres)",
        choices=("postgres", "redis"),
    ),
    "redis_url": Flag("Redis to use (default: REDIS_URL of the environment)"),
    "auth": Flag("require the key of a registered client for everything but /health", present=True),
    "admin_key": Flag(
        "key of the administrator with --auth (default: HARNESS_ADMIN_KEY, else a new one is made)"
    ),
    "worker": Flag("do not serve; work on queued tasks only", present=True),
    "amqp_url": Flag(
        "RabbitMQ for tasks (default: AMQP_URL of the environment, else PostgreSQL is their queue)"
    ),
    "task_workers": Flag(
        "number of tasks to work on at the same time; 0 leaves them to other processes", int
    ),
    "task_lease_s": Flag("seconds after which another worker takes over the task of a silent one", float),
    "broken": Flag(
        f"add this defect on purpose (repeatable): {', '.join(BREAKS)}",
        option="--break",
        choices=tuple(BREAKS),
        many=True,
    ),
    "session_ttl_s": Flag("seconds until a session without activity expires", float),
    "session_sweep_s": Flag("seconds between deletions of expired sessions", float),
    "pool_min": Flag("smallest number of connections to each database", int),
    "pool_max": Flag("largest number of connections to each database", int),
    "pool_wait_s": Flag("seconds to wait for a free connection", float),
    "connect_timeout_s": Flag("seconds to wait for PostgreSQL to accept a connection", float),
    "statement_timeout_s": Flag("time limit for one statement, in seconds", float),
    "result_bytes_max": Flag("largest size of one result in bytes, in PostgreSQL's format and as JSON", int),
    "health_timeout_s": Flag("time limit for a health check, in seconds", float),
    "record_ttl_s": Flag("seconds after which the record of a tool execution is deleted", float),
    "rate_limit": Flag(
        "calls per second allowed to each client (without --auth: to each address), then 429; 0 means no limit",
        float,
    ),
    "max_in_flight": Flag("calls in flight allowed to all clients together, then 503; 0 means no limit", int),
    "drain_s": Flag("seconds to wait for calls in flight when asked to stop", float),
    "json_response": Flag("answer at /mcp with event streams (SSE)", option="--sse", present=False),
    "allowed_hosts": Flag("host header to accept (repeatable)", option="--allow-host", many=True),
    "trusted_proxies": Flag(
        "address or network of a proxy whose X-Forwarded-For is trusted (repeatable)",
        option="--trust-proxy",
        many=True,
    ),
}

# Settings from the environment, where other users of the machine cannot read their passwords.
ENVIRONMENT: Final = {"redis_url": "REDIS_URL", "amqp_url": "AMQP_URL", "admin_key": "HARNESS_ADMIN_KEY"}


def option(name: str) -> str:
    """Return the option of a setting: `--session-ttl` for `session_ttl_s`; the help has the unit."""
    return FLAGS[name].option or "--" + name.removesuffix("_s").replace("_", "-")


def arguments(given: Mapping[str, Any]) -> list[str]:
    """Return the command line for these settings; values that are None or missing are left out."""
    words: list[str] = []
    for name, value in given.items():
        if value is None or value == ():
            continue
        if FLAGS[name].present is not None:
            words += [option(name)] if value == FLAGS[name].present else []
        else:
            for one in value if FLAGS[name].many else (value,):
                words += [option(name), str(one)]
    return words


def settings(given: Mapping[str, Any]) -> Settings:
    """Return the settings from these values and the environment."""
    url = given.get("database_url") or os.environ.get("DATABASE_URL")
    if not url:
        raise UsageError(
            "The reference target needs a PostgreSQL database.",
            "Neither --database-url nor DATABASE_URL names one.",
            "Give --database-url postgresql://user@host:5432/postgres, or use `harness serve`, which brings its own.",
        )
    values = {name: _value(value) for name, value in given.items() if value is not None}
    named = {name: os.environ[variable] for name, variable in ENVIRONMENT.items() if os.environ.get(variable)}
    return Settings(**{**named, **values, "database_url": url})


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
