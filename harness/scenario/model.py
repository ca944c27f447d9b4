"""A scenario as frozen values: what the user asked for, checked, in plain units.

The field names are the keys of the YAML (docs/scenarios.md); a class is a mapping there. pydantic checks
these dataclasses where outside text comes in (`read`), nowhere else.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from harness.foundation.addresses.address import host_of
from harness.foundation.units import rate_per_s
from harness.mcp.json_object import JsonObject
from harness.scenario.arguments import compile_arguments, names_in, with_names
from harness.scenario.auth import Auth, TlsFiles
from harness.scenario.catalogue import CLIENTS, USER_CLASSES
from harness.scenario.expect import Expect
from harness.scenario.fault import FaultSpec, read_faults
from harness.scenario.feeders import Feeder, check_feeders
from harness.scenario.links import LinkSpec, check_links
from harness.scenario.load import Phase
from harness.scenario.quantities import (
    STRICT,
    Backoff,
    Backoffs,
    Budget,
    Duration,
    Name,
    PositiveDuration,
)  # fmt: skip
from harness.scenario.replay import SESSIONS_MOST, RecordedSession

Protocol = Literal[
    "auto", "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "sse", "plain", "websocket"
]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)
HTTP_ONLY = ("sse", "plain", "websocket")  # not over stdio

# Built from the catalogue; the type checker sees only that it is text.
if TYPE_CHECKING:
    UserClass = str
    ClientName = str
else:
    UserClass = Literal[tuple(USER_CLASSES)]
    ClientName = Literal[tuple(CLIENTS)]
DEFAULT_MIX: dict[UserClass, int] = {name: user.weight for name, user in USER_CLASSES.items()}


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65_536:
        raise ValueError("is HOST:PORT, such as 0.0.0.0:5557")
    if host != ANY_HOST:
        host_of(host)
    return value


ANY_HOST = "*"
STEPS_MOST = 50  # of a journey
list_ = list  # in a class with a field of that name
DEFAULT_BIND = "127.0.0.1:5557"  # Locust's own port
Bind = Annotated[str, AfterValidator(_host_and_port)]


Templated = TypeVar("Templated", str, JsonObject)


def _one_or_many(value: Any) -> Any:
    """Accept one text in the place of a list."""
    return [value] if isinstance(value, str) else value


def _read_faults(value: object, validation: ValidationInfo) -> object:
    return read_faults(value, (validation.context or {}).get("links", ()))


def _check_arguments(value: Templated) -> Templated:
    compile_arguments(value)
    return value


def _check_work_arguments(value: JsonObject) -> JsonObject:
    compile_arguments(with_names(value, {"entry": "", "run": ""}))
    for name, path in names_in(value):
        raise ValueError(f"{{{{{name}{path}}}}} stands in calls of the workload only")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server under test: at a URL, or started by a command; with neither, the reference server.

    With a command, `url` is its endpoint and `ready` an address that answers when it is up; either will do.
    With `transport: stdio` every session starts the command, and speaks to it over its standard input and output;
    `users_per_process` lets so many users share a process and its session.
    `env` and `cwd` are what the command is started with.
    `options` are those of `harness serve`, for the reference server.
    With `processes` it runs so many times, behind a balancer that gives calls to them as `balance` says.
    """

    __pydantic_config__ = STRICT
    url: str | None = None
    protocol: Protocol = "auto"
    headers: dict[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    tls: TlsFiles | None = None
    wait: Duration = 0.0  # for a server that is coming up
    listen: bool = False
    command: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)  # for the command
    cwd: str = ""
    ready: str | None = None
    transport: Literal["http", "stdio"] = "http"
    users_per_process: Annotated[int, Field(ge=1, le=1000)] = 1  # over stdio
    options: list[str] = field(default_factory=list)
    processes: Annotated[int, Field(ge=1, le=16)] = 1
    balance: Literal["session", "requests", "connections", "address"] = "session"

    @property
    def is_stdio(self) -> bool:
        """Whether sessions are processes that are spoken to by their standard input and output."""
        return self.transport == "stdio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One entry of a workload: a tool to call, a resource to read, a prompt to get, or a list to ask for."""

    __pydantic_config__ = STRICT
    call: Annotated[str, Field(min_length=1)] | None = None
    read: Annotated[str, Field(min_length=1), AfterValidator(_check_arguments)] | None = None
    prompt: Annotated[str, Field(min_length=1)] | None = None
    list: Literal["tools", "resources", "resources/templates", "prompts"] | None = None
    args: Annotated[JsonObject, AfterValidator(_check_arguments)] = field(default_factory=dict)
    weight: Annotated[int, Field(ge=1)] = 1
    expect: Expect | None = None
    journey: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")] | None = None
    steps: "Annotated[list_[Call], Field(max_length=STEPS_MOST)]" = field(default_factory=list_)
    as_: Annotated[str | None, Field(alias="as", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,31}$")] = (
        None  # of a step
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        asked = (self.call, self.read, self.prompt, self.list, self.journey)
        if sum(what is not None for what in asked) != 1:
            raise ValueError("says exactly one of call, read, prompt, list and journey")
        if self.args and self.call is None and self.prompt is None:
            raise ValueError("args go with call or prompt")
        if self.journey is None and self.steps:
            raise ValueError("steps go with journey")
        if self.journey is not None:
            if not self.steps or self.expect is not None or self.as_:
                raise ValueError("a journey has steps, and these may have expect and as")
            if any(step.journey or step.weight != 1 for step in self.steps):
                raise ValueError("a step is a call, read, prompt or list, without a weight")
        return self


DEFAULT_BACKOFF = Backoff(0.1, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How clients retry a failed call; `harness.load.retry` says which failures are retried."""

    __pydantic_config__ = STRICT
    attempts: Annotated[int, Field(ge=2, le=20)] = 3  # including the first one
    backoff: Backoffs = DEFAULT_BACKOFF
    budget: Budget = 0.2  # tokens that a call earns; a retry costs one


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool and its arguments, which may vary; `{{entry}}` is what is written, `{{run}}` the run that writes it."""

    __pydantic_config__ = STRICT
    call: Annotated[str, Field(min_length=1)]
    args: Annotated[JsonObject, AfterValidator(_check_work_arguments)] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Entries that are written during the run and read back after it: is each acknowledged one there once?"""

    __pydantic_config__ = STRICT
    write: Tool
    read: Tool
    rate: Annotated[float, BeforeValidator(rate_per_s)] = 10.0


REFERENCE_WORK = Work(
    write=Tool(call="append_entry", args={"log": "{{run}}", "entry": "{{entry}}"}),
    read=Tool(call="read_entries", args={"log": "{{run}}", "limit": 1000}),
)


# What presets of clients call of the reference server, when nothing else is said.
REFERENCE_CALLS = [
    Call(call="list_databases", weight=3),
    Call(call="list_views", args={"database": "TEST_DB", "schema": "PUBLIC"}, weight=2),
    Call(call="execute_query", args={"query": "SELECT 1", "limit": 1}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that a run is asked to do."""

    __pydantic_config__ = STRICT
    name: Name
    load: Annotated[list[Phase], Field(min_length=1)]
    target: Target = field(default_factory=Target)
    allowed_hosts: list[str] = field(default_factory=list)
    mix: dict[UserClass, Annotated[int, Field(ge=0)]] = field(default_factory=lambda: dict(DEFAULT_MIX))
    clients: dict[ClientName, Annotated[int, Field(ge=0)]] = field(default_factory=dict)
    workload: list[Call] = field(default_factory=list)
    data: Annotated[dict[str, Feeder], AfterValidator(check_feeders)] = field(default_factory=dict)
    replay: Annotated[list[RecordedSession], Field(max_length=SESSIONS_MOST)] = field(default_factory=list)
    links: Annotated[dict[str, LinkSpec], AfterValidator(check_links)] = field(default_factory=dict)
    faults: Annotated[list[FaultSpec], BeforeValidator(_read_faults)] = field(default_factory=list)
    think: bool | None = None  # None: users of a mix do, others as the run decides
    warm_up: Duration = 0.0
    timeout: PositiveDuration = 30.0
    retries: Retries | None = None
    calls_per_connection: Annotated[int, Field(ge=1)] | None = None  # over HTTP; None: connections are kept
    workers: Annotated[int, Field(ge=0, le=64)] = 1  # processes on this machine
    expect_workers: Annotated[int, Field(ge=0, le=64)] = 0  # workers that join from other machines
    bind: Bind = DEFAULT_BIND  # the address at which they join
    objectives: list[str] = field(default_factory=list)
    abort: Annotated[list[str], BeforeValidator(_one_or_many)] = field(default_factory=list)
    alert: Annotated[list[str], BeforeValidator(_one_or_many)] = field(default_factory=list)
    work: Work | None = None
    call_all: Literal["tools", "everything"] | None = (
        None  # of what the server offers, in place of a workload
    )
    allow_writes: bool = False  # with call_all: tools, too, that are not annotated as read-only
    expect_failures: bool = (
        False  # nothing is tried before the load, and a load that fails from the start goes on
    )
    matrix: bool = False  # each load step with its faults is judged by itself
    not_applicable: dict[str, list[str]] = field(
        default_factory=dict
    )  # rows that a matrix lacks, by the reason
    seed: int = 0

    def phase_names(self) -> list[str]:
        """The name of each entry of `load`: its own, or its kind and its place."""
        return [phase.name or f"{phase.kind}-{number}" for number, phase in enumerate(self.load, start=1)]
