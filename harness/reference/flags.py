"""What can be set on the command line: a row a setting, for `python -m harness.reference` and for `harness serve`.

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
    """How a setting is given: `--option VALUE`, or `--option` alone for `present`."""

    about: str
    kind: type[str] | type[int] | type[float] = str
    option: str = ""  # where it is not the field's name
    choices: tuple[str, ...] = ()
    many: bool = False  # may be given again and again
    present: bool | None = None  # what it sets, being there


FLAGS: Final[Mapping[str, Flag]] = {
    "database_url": Flag("PostgreSQL to use (default: DATABASE_URL of the environment)"),
    "host": Flag("address to listen on"),
    "port": Flag("port to listen on; 0 takes a free one", int),
    "schema": Flag("schema of the service's own tables"),
    "sessions": Flag(
        "where sessions are kept (default: redis if there is a --redis-url)", choices=("postgres", "redis")
    ),
    "redis_url": Flag("Redis to use (default: REDIS_URL of the environment)"),
    "auth": Flag("ask for a registered client's key at every door but /health", present=True),
    "admin_key": Flag(
        "the admin's key with --auth (default: HARNESS_ADMIN_KEY of the environment, or one is made)"
    ),
    "worker": Flag("serve nothing, do tasks", present=True),
    "amqp_url": Flag(
        "RabbitMQ for tasks (default: AMQP_URL of the environment, else PostgreSQL is their queue)"
    ),
    "task_workers": Flag("tasks at once in this process; 0 leaves them to other processes", int),
    "task_lease_s": Flag("seconds after which the task of a silent worker is done by another one", float),
    "broken": Flag(
        f"break it on purpose (repeatable): {', '.join(BREAKS)}",
        option="--break",
        choices=tuple(BREAKS),
        many=True,
    ),
    "session_ttl_s": Flag("seconds until a session without activity expires", float),
    "session_sweep_s": Flag("seconds between deletions of expired sessions", float),
    "pool_min": Flag("connections kept open to each database", int),
    "pool_max": Flag("connections at most to each database", int),
    "pool_wait_s": Flag("seconds to wait for a free connection", float),
    "connect_timeout_s": Flag("seconds to wait for PostgreSQL to accept a connection", float),
    "statement_timeout_s": Flag("seconds that one statement may take", float),
    "result_bytes_max": Flag("bytes that one result may have, in PostgreSQL's form and as JSON", int),
    "health_timeout_s": Flag("seconds that a health check may take", float),
    "record_ttl_s": Flag("seconds until the row of an execution is deleted", float),
    "rate_limit": Flag(
        "calls a second for each client (without --auth: each address), then 429; 0 is no limit", float
    ),
    "max_in_flight": Flag("calls of all clients at once, then 503; 0 is no limit", int),
    "drain_s": Flag("seconds for calls in flight when asked to stop", float),
    "json_response": Flag("answer at /mcp with event streams", option="--sse", present=False),
    "allowed_hosts": Flag("a Host header to accept (repeatable)", option="--allow-host", many=True),
    "trusted_proxies": Flag(
        "a proxy whose X-Forwarded-For is believed: an address or a network (repeatable)",
        option="--trust-proxy",
        many=True,
    ),
}

# Where other parts are: passwords in them are not shown to other users of the machine.
ENVIRONMENT: Final = {"redis_url": "REDIS_URL", "amqp_url": "AMQP_URL", "admin_key": "HARNESS_ADMIN_KEY"}


def option(name: str) -> str:
    """`session_ttl_s` is `--session-ttl`: units are in the help."""
    return FLAGS[name].option or "--" + name.removesuffix("_s").replace("_", "-")


def arguments(given: Mapping[str, Any]) -> list[str]:
    """The command line that says the same; what is None or was not given is left out."""
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
    """Settings from what was given; the database may be named by the environment."""
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
