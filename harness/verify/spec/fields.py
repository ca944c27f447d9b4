"""Plain values of verify.yaml, checked: a time, a size, a path of the deployment, arguments of a tool."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from harness.foundation import units
from harness.foundation.untrusted.documents import short
from harness.mcp.json_object import JsonObject

STRICT = ConfigDict(extra="forbid")


def _duration(value: object) -> float:
    seconds = units.duration_s(str(value))
    if seconds <= 0:
        raise ValueError(f"{units.said(value)} must be more than zero")
    return seconds


def _size(value: object) -> int:
    size = units.size_bytes(str(value))
    if size <= 0:
        raise ValueError(f"{units.said(value)} must be more than zero")
    return size


def _place(value: str) -> str:
    """A path of the same server, so that credentials go nowhere else."""
    if not value.startswith("/") or value.startswith("//") or any(sign in value for sign in "\\ #"):
        raise ValueError(f"{short(value)!r} is not a path of the deployment, such as /health")
    return value


def _texts(value: object) -> object:
    """Numbers of migrations may be written as numbers."""
    if not isinstance(value, list):
        return value
    return [str(each) if isinstance(each, int) and not isinstance(each, bool) else each for each in value]


Duration = Annotated[float, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Place = Annotated[str, AfterValidator(_place)]
Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_texts)]
Arguments = JsonObject
