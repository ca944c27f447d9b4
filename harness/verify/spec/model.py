"""verify.yaml as frozen values: its keys are the names of the fields, a class is a mapping there. `read` checks them."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool
from pydantic.dataclasses import dataclass

from harness.foundation import units
from harness.foundation.untrusted.documents import short

STRICT = ConfigDict(extra="forbid")
Door = Literal[
    "2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05", "sse", "websocket", "plain"
]
DOOR_NAMES: tuple[str, ...] = get_args(Door)


def _duration(value: object) -> float:
    seconds = units.duration_s(str(value))
    if seconds <= 0:
        raise ValueError(f"{units.said(value)} must be more than zero")
    return seconds


def _place(value: str) -> str:
    """A path of the same server, so that credentials go nowhere else."""
    if not value.startswith("/") or value.startswith("//") or any(sign in value for sign in "\\ #"):
        raise ValueError(f"{short(value)!r} is no path of the deployment, such as /health")
    return value


Duration = Annotated[float, BeforeValidator(_duration)]
Place = Annotated[str, AfterValidator(_place)]
Arguments = dict[str, Any]


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


@dataclass(frozen=True, slots=True, config=STRICT)
class Limits:
    """Times of one client, after a warm-up; the best of three."""

    create: Duration = 0.5
    look_up: Duration = 0.2
    update: Duration = 0.2
    visible: Duration = 10.0  # until another client reads what was acknowledged
    certificate: Duration = 14 * 86_400.0  # at least so long it is still valid


@dataclass(frozen=True, slots=True, config=STRICT)
class Health:
    """A page that says 200 when all is well."""

    url: Place = "/health"
    contains: str = ""


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
