"""A scenario as frozen values: what the user asked for, checked, in plain units.

The field names are the keys of the YAML (docs/scenarios.md); a class is a mapping there. pydantic checks
these dataclasses where outside text comes in (`read`), nowhere else.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from harness import units
from harness.scenario.arguments import compile_arguments
from harness.scenario.fault import Fault, read_faults

STRICT = ConfigDict(extra="forbid")

Protocol = Literal[
    "auto", "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "sse", "plain", "websocket"
]
PROTOCOLS: tuple[str, ...] = get_args(Protocol)

UserClass = Literal["light", "heavy", "websocket"]
DEFAULT_MIX: dict[UserClass, int] = {"light": 3, "heavy": 1, "websocket": 1}
MAX_USERS = 100_000


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than zero")
    return value


Duration = Annotated[float, BeforeValidator(units.duration_s)]
PositiveDuration = Annotated[float, BeforeValidator(units.duration_s), AfterValidator(_positive)]
Share = Annotated[float, BeforeValidator(units.share)]
Users = Annotated[int, Field(ge=1, le=MAX_USERS)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


Templated = TypeVar("Templated", str, dict[str, Any])


def _check_arguments(value: Templated) -> Templated:
    compile_arguments(value)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server under test: at a URL, started by a command of the user's, or neither: the reference target.

    With a command, `url` is its endpoint and `ready` an address that answers when it is up; either will do.
    """

    __pydantic_config__ = STRICT
    url: str | None = None
    protocol: Protocol = "auto"
    headers: dict[str, str] = field(default_factory=dict)
    listen: bool = False
    command: list[str] = field(default_factory=list)
    ready: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One entry of a workload: a tool to call, a resource to read, a prompt to get, or a list to ask for."""

    __pydantic_config__ = STRICT
    call: Annotated[str, Field(min_length=1)] | None = None
    read: Annotated[str, Field(min_length=1), AfterValidator(_check_arguments)] | None = None
    prompt: Annotated[str, Field(min_length=1)] | None = None
    list: Literal["tools", "resources", "resources/templates", "prompts"] | None = None
    args: Annotated[dict[str, Any], AfterValidator(_check_arguments)] = field(default_factory=dict)
    weight: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(what is not None for what in (self.call, self.read, self.prompt, self.list)) != 1:
            raise ValueError("says exactly one of call, read, prompt and list")
        if self.args and self.call is None and self.prompt is None:
            raise ValueError("args go with call or prompt")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Closed load in steps up to a maximum, until the success rate gives way.

    A step lasts `hold`, or, with `requests_per_user`, until each user has had that many calls answered.
    """

    __pydantic_config__ = STRICT
    to: Users
    step: Users = 5
    hold: PositiveDuration = 10.0
    break_below: Share = 0.95
    rest: Duration = 0.0
    confirm: bool = True
    requests_per_user: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sustain:
    """Closed load at one level; `last_good` is the highest level a ramp before it passed."""

    __pydantic_config__ = STRICT
    users: Users | Literal["last_good"]
    for_: Annotated[float, BeforeValidator(units.duration_s), AfterValidator(_positive), Field(alias="for")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One entry of `load`: a name and exactly one kind of load."""

    __pydantic_config__ = STRICT
    name: Name | None = None
    ramp: Ramp | None = None
    sustain: Sustain | None = None

    @property
    def kind(self) -> str:
        return "ramp" if self.ramp else "sustain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything a run is asked to do."""

    __pydantic_config__ = STRICT
    name: Name
    load: Annotated[list[Phase], Field(min_length=1)]
    target: Target = field(default_factory=Target)
    allowed_hosts: list[str] = field(default_factory=list)
    mix: dict[UserClass, Annotated[int, Field(ge=0)]] = field(default_factory=lambda: dict(DEFAULT_MIX))
    workload: list[Call] = field(default_factory=list)
    faults: Annotated[list[Fault], BeforeValidator(read_faults)] = field(default_factory=list)
    think: bool = True
    timeout: PositiveDuration = 30.0
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    objectives: list[str] = field(default_factory=list)
    seed: int = 0

    def phase_names(self) -> list[str]:
        """The name of each entry of `load`: its own, or its kind and its place."""
        return [phase.name or f"{phase.kind}-{number}" for number, phase in enumerate(self.load, start=1)]
