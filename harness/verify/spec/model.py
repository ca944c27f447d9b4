"""verify.yaml as frozen values: its keys are the names of the fields, a class is a mapping there. `read` checks them."""

import shlex
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool
from pydantic.dataclasses import dataclass

from harness.foundation.untrusted.documents import short
from harness.verify.spec.backends import Database, Deploy, Process, Queue, Tasks
from harness.verify.spec.fields import STRICT, Arguments, Duration, Place, Size

Door = Literal[
    "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "sse", "websocket", "plain"
]
DOOR_NAMES: tuple[str, ...] = get_args(Door)


def _words(value: object) -> object:
    """The words of a command line; it is started without a shell."""
    return shlex.split(value) if isinstance(value, str) else value


def _local(value: str) -> str:
    """An address of this machine, where the simulation takes place."""
    at = urlsplit(value)
    if at.scheme not in {"http", "https"} or at.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError(
            f"{short(value)!r} is not an address of this machine, such as http://127.0.0.1:8000/health"
        )
    return value


@dataclass(frozen=True, slots=True, config=STRICT)
class Identity:
    """Who it must say it is: is it the new build?"""

    name: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Auth:
    """Who is let in; headers take their values from the environment."""

    required: StrictBool = True
    good: dict[str, str] = Field(default_factory=dict, repr=False)
    bad: dict[str, str] = Field(default_factory=dict, repr=False)
    discovery: StrictBool = False  # protected-resource metadata (RFC 9728)


@dataclass(frozen=True, slots=True, config=STRICT)
class Tools:
    """What it offers, and what may be called of it."""

    lock: str | None = None  # a file beside verify.yaml
    safe: dict[str, Arguments] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=STRICT)
class ToolCall:
    """One call; `{{unique}}` in its arguments is a name that nobody else has."""

    call: Annotated[str, Field(min_length=1)]
    args: Arguments = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=STRICT)
class Sessions:
    """What must be so, where it is else skipped when it is not."""

    required: StrictBool = False  # it gives sessions a name
    delete: StrictBool = False  # clients can end them
    idle: Duration | None = None  # one that is idle for so long lives on


@dataclass(frozen=True, slots=True, config=STRICT)
class Limits:
    """Times of one client, after a warm-up; the best of three."""

    create: Duration = 0.5
    look_up: Duration = 0.2
    update: Duration = 0.2
    visible: Duration = 10.0  # until another client reads what was acknowledged
    certificate: Duration = 14 * 86_400.0  # at least so long it is still valid
    beside: Duration = 2.0  # a call beside 50 of another client's
    leak: Size = 20_000  # bytes that each session leaves behind, at most


@dataclass(frozen=True, slots=True, config=STRICT)
class Health:
    """A page that says 200 when all is well."""

    url: Place = "/health"
    contains: str = ""


@dataclass(frozen=True, slots=True, config=STRICT)
class Command:
    """A server of the user's that `--deploy-simulation` starts, on a database or a schema of its own."""

    command: Annotated[list[str], Field(min_length=1), BeforeValidator(_words)]
    ready: Annotated[str, AfterValidator(_local)]  # answers with less than 500 when it serves
    url: Annotated[str, AfterValidator(_local)] | None = None  # else /mcp of the same server
    database: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] = "DATABASE_URL"  # the variable that tells it
    apart: Literal["server", "schema"] = (
        "server"  # a PostgreSQL of its own, or a schema in that of database.dsn
    )


@dataclass(frozen=True, slots=True, config=STRICT)
class Spec:
    """All of it; what is left out is not expected."""

    identity: Identity = Field(default_factory=Identity)
    doors: tuple[Door, ...] = ()
    auth: Auth | None = None
    tools: Tools = Field(default_factory=Tools)
    write: ToolCall | None = None
    read: ToolCall | None = None
    remove: ToolCall | None = None
    sessions: Sessions = Field(default_factory=Sessions)
    limits: Limits = Field(default_factory=Limits)
    health: Health | None = None
    target: Command | None = None
    database: Database | None = None
    queue: Queue | None = None
    tasks: Tasks | None = None
    deploy: Deploy | None = None
    process: Process | None = None
    accept: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict
    )  # checks of quality that may fail, and why
