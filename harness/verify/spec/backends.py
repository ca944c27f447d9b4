"""The sections of verify.yaml about what stands behind a deployment: its database, its queue, its tasks, its process, and how it is deployed."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StrictBool, StrictInt
from pydantic.dataclasses import dataclass

from harness.verify.spec.fields import STRICT, Arguments, Duration, Place, Text, Texts


def _only_one(what: str, **given: object) -> None:
    """Exactly one of these is said."""
    if len([value for value in given.values() if value]) != 1:
        raise ValueError(f"{what}; say exactly one of {', '.join(given)}")


@dataclass(frozen=True, slots=True, config=STRICT)
class Table:
    """What one table must have; a column's type is PostgreSQL's name for it, or left empty."""

    columns: dict[str, str] = Field(default_factory=dict)
    indexes: tuple[Text, ...] = ()
    unlogged: StrictBool = False  # it may be empty after a crash


@dataclass(frozen=True, slots=True, config=STRICT)
class Migrations:
    """Where it is noted which were applied."""

    table: Text
    column: Text = "version"
    applied: Texts = ()  # each must be there


@dataclass(frozen=True, slots=True, config=STRICT)
class Migrate:
    """The command that brings a database up to date, and one that brings an empty one to an older version."""

    command: Text
    older: str = ""
    apart: Literal["schema", "database"] = "schema"  # where it is tried
    variable: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")] = "DATABASE_URL"
    within: Duration = 120.0


@dataclass(frozen=True, slots=True, config=STRICT)
class Column:
    """A column of a table."""

    table: Text
    column: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Database:
    """PostgreSQL, as its own tables describe it."""

    dsn: Text = Field(repr=False)
    schema: Text = "public"
    tables: dict[str, Table] = Field(default_factory=dict)
    migrations: Migrations | None = None
    migrate: Migrate | None = None
    written: Column | None = None  # what `write` wrote is in it when it is acknowledged


@dataclass(frozen=True, slots=True, config=STRICT)
class Queue:
    """One queue of RabbitMQ, by its management API, by AMQP, or both."""

    name: Text
    url: str = Field("", repr=False)  # amqp://
    management: str = Field("", repr=False)  # http://
    vhost: str = ""  # else of the amqp:// URL, else /
    durable: StrictBool = True
    consumers: Annotated[StrictInt, Field(ge=0)] = 1

    def __post_init__(self) -> None:
        if not self.url and not self.management:
            raise ValueError("it does not say where the queue is; give url (AMQP), management, or both")


@dataclass(frozen=True, slots=True, config=STRICT)
class Asked:
    """A question to the deployment: a tool, or a page; `{{unique}}` and `{{id}}` are filled in."""

    call: str = ""
    args: Arguments = Field(default_factory=dict)
    get: Place | None = None
    post: Place | None = None
    delete: Place | None = None
    json: Any = None

    def __post_init__(self) -> None:
        _only_one(
            "a tool is called, or a page is asked",
            call=self.call,
            get=self.get,
            post=self.post,
            delete=self.delete,
        )
        if self.args and not self.call:
            raise ValueError("args are for a tool; a page takes json")
        if self.json is not None and not self.post:
            raise ValueError("json is sent with post")


@dataclass(frozen=True, slots=True, config=STRICT)
class Row:
    """Where a task is on record: its id and its status are columns of this table."""

    table: Text
    id: Text = "id"
    status: Text = "status"


@dataclass(frozen=True, slots=True, config=STRICT)
class History:
    """Where each status of a task is on record, in the order of a column."""

    table: Text
    task: Text = "task"
    status: Text = "status"
    order: Text = "id"


@dataclass(frozen=True, slots=True, config=STRICT)
class Tasks:
    """Work that is asked for now and done later."""

    submit: Asked
    poll: Asked
    remove: Asked | None = None
    id: Text = "id"  # where the answer to submit names the task
    status: Text = "status"  # where the answer to poll tells its status
    pending: tuple[Text, ...] = ("pending",)
    done: tuple[Text, ...] = ("completed",)
    failed: tuple[Text, ...] = ("failed",)
    within: Duration = 30.0
    row: Row | None = None
    history: History | None = None
    pause: str = ""  # the command that stops the workers
    resume: str = ""

    def __post_init__(self) -> None:
        if bool(self.pause) != bool(self.resume):
            raise ValueError("pause and resume go together: workers that were stopped must go on")
        if not self.done or not self.pending:
            raise ValueError("pending and done name a status each, at least")


@dataclass(frozen=True, slots=True, config=STRICT)
class Value:
    """A value that a page tells, by its path, such as build.started_at."""

    get: Place
    value: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Deploy:
    """The way to deploy: a command, or a request to an orchestrator."""

    command: str = ""
    kubernetes: str = ""  # deployment/shop
    compose: str = ""  # the service
    systemd: str = ""  # the unit
    within: Duration = 300.0
    ready: Duration = 60.0
    changes: Value | None = None  # it is another one afterwards

    def __post_init__(self) -> None:
        orders = {name: getattr(self, name) for name in ORDERS}
        _only_one("it is deployed in one way", **orders)


@dataclass(frozen=True, slots=True, config=STRICT)
class Process:
    """The process that serves, on this machine: its pid is in a file, or it listens on the port of the URL itself."""

    pid_file: str = ""
    listens: StrictBool = False

    def __post_init__(self) -> None:
        _only_one("it is found in one way", pid_file=self.pid_file, listens=self.listens)


ORDERS: Final = ("command", "kubernetes", "compose", "systemd")
# Below the top of verify.yaml, for errors that name what there is; `*` is a name of the user's.
CLASSES: Final[dict[str, type]] = {
    "database": Database,
    "database.tables.*": Table,
    "database.migrations": Migrations,
    "database.migrate": Migrate,
    "database.written": Column,
    "queue": Queue,
    "tasks": Tasks,
    "tasks.submit": Asked,
    "tasks.poll": Asked,
    "tasks.remove": Asked,
    "tasks.row": Row,
    "tasks.history": History,
    "deploy": Deploy,
    "deploy.changes": Value,
    "process": Process,
}
# Addresses that may hold a password: from the environment only, and never shown.
ADDRESSES: Final = ("database.dsn", "queue.url", "queue.management")
# The shell fills these in itself.
COMMANDS: Final = (
    "database.migrate.command",
    "database.migrate.older",
    "tasks.pause",
    "tasks.resume",
    "deploy.command",
)


def class_of(path: list[str]) -> type | None:
    """Return the class of the mapping at a path."""
    if path[:2] == ["database", "tables"] and len(path) == 3:
        path = ["database", "tables", "*"]
    return CLASSES.get(".".join(path))


def addresses(data: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Each of ADDRESSES that is there, as it is written."""
    for path in ADDRESSES:
        section, _, key = path.partition(".")
        inside = data.get(section)
        if isinstance(inside, dict) and key in inside:
            yield path, inside[key]
