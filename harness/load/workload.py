"""The requests of a workload's entries: call a tool, read a resource, get a prompt, or list.

Operations have the names of the scenario, with templates unfilled, so that there are as many as entries, not
as many as drawn values; long names are cut.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import msgspec

from harness.load.expectation import expectation
from harness.mcp.dialects import Session
from harness.mcp.messages import Reply, Request, encode
from harness.scenario.arguments import Draw, compile_arguments

OPERATION_CHARS_MAX: Final = 120


@dataclass(frozen=True, slots=True)
class WorkloadEntry:
    """One entry: its weight, and how its next request is made."""

    weight: int
    draw: Draw  # the arguments of a tool, else all parameters
    tool: str | None
    method: str
    operation: str
    expects: Callable[[Reply], Reply] | None = None

    def request(self, session: Session, drawn: Any) -> Request:
        """Return a request with the values that were drawn for its templates."""
        if self.tool is not None:
            request = session.call(self.tool, drawn)
        else:
            request = session.request(self.method, drawn, self.operation)
        return request if self.expects is None else msgspec.structs.replace(request, expects=self.expects)


def works(entries: Iterable[Mapping[str, Any]]) -> list[WorkloadEntry]:
    """Return the entries of a scenario's workload."""
    return [_expecting(_work(entry), entry.get("expect")) for entry in entries]


def _expecting(entry: WorkloadEntry, expect: Mapping[str, Any] | None) -> WorkloadEntry:
    return entry if expect is None else replace(entry, expects=expectation(expect))


def _work(entry: Mapping[str, Any]) -> WorkloadEntry:
    arguments, weight = entry.get("args") or {}, entry.get("weight", 1)
    if entry.get("call"):
        return WorkloadEntry(weight, compile_arguments(arguments), entry["call"], "tools/call", "")
    if entry.get("read"):
        uri = entry["read"]
        return WorkloadEntry(weight, compile_arguments({"uri": uri}), None, *_named("resources/read", uri))
    if entry.get("prompt"):
        name = entry["prompt"]
        return WorkloadEntry(
            weight, _prompt(name, compile_arguments(arguments)), None, *_named("prompts/get", name)
        )
    method = f"{entry['list']}/list"
    return WorkloadEntry(weight, compile_arguments({}), None, method, method)


def _prompt(name: str, draw: Draw) -> Draw:
    """Return a draw whose arguments are texts, as a prompt needs, whatever type YAML or a template gives."""

    def drawn(rng: Random, count: int) -> dict[str, Any]:
        return {"name": name, "arguments": {key: _text(value) for key, value in draw(rng, count).items()}}

    return drawn


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _named(method: str, name: str) -> tuple[str, str]:
    return method, f"{method}:{name}"[:OPERATION_CHARS_MAX]
