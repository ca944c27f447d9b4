"""What was recorded of real clients, to be played again: sessions, each a sequence of requests with the pauses before them.

- name: claude-code
  steps:
  - {list: tools}
  - {call: echo, args: {message: hi}, after: 2.4s}
  - {call: echo, args: {message: ho}, at_once: true}     # sent before the one before it was answered
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, Field, model_validator

from harness.mcp.json_object import JsonObject
from harness.scenario.arguments import compile_arguments
from harness.scenario.quantities import STRICT, Duration

SESSIONS_MOST: Final = 1_000
STEPS_MOST: Final = 10_000
AFTER_S_MOST: Final = 86_400.0
KINDS: Final = ("call", "read", "prompt", "list", "request")


def _check_arguments(value: JsonObject) -> JsonObject:
    compile_arguments(value)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One request of a session, and how long after the one before it came."""

    __pydantic_config__ = STRICT
    call: Annotated[str, Field(min_length=1)] | None = None
    read: Annotated[str, Field(min_length=1)] | None = None
    prompt: Annotated[str, Field(min_length=1)] | None = None
    list: Annotated[str, Field(min_length=1)] | None = None
    request: Annotated[str, Field(min_length=1)] | None = None  # any other method
    args: Annotated[JsonObject, AfterValidator(_check_arguments)] = field(default_factory=dict)
    after: Duration = 0.0
    at_once: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise ValueError(f"says exactly one of {', '.join(KINDS)}")
        if self.after > AFTER_S_MOST:
            raise ValueError("after is a day at most")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSession:
    """The requests of one session, in order."""

    __pydantic_config__ = STRICT
    steps: Annotated[list[Step], Field(min_length=1, max_length=STEPS_MOST)]
    name: str = ""


Groups = list[tuple[float, list[JsonObject]]]


def groups(steps: Iterable[Mapping[str, Any]], *, at_once: bool) -> Groups:
    """The steps by what is sent at the same time: how long to wait before, and the entries of a workload."""
    sent_together: Groups = []
    for step in steps:
        entry = {key: step[key] for key in (*KINDS, "args") if step.get(key) is not None}
        if sent_together and step.get("at_once") and at_once:
            sent_together[-1][1].append(entry)
        else:
            sent_together.append((0.0 if step.get("at_once") else float(step.get("after") or 0.0), [entry]))
    return sent_together
