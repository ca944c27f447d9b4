"""The requests of a workload's entries: call a tool, read a resource, get a prompt, or list.

Operations have the names of the scenario, with templates unfilled, so that there are as many as entries, not
as many as drawn values; long names are cut.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import gcd
from random import Random
from typing import Any, Final

import msgspec

from harness.load.expectation import expectation
from harness.mcp.dialects import Session
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply, Request, encode
from harness.mcp.operations import JOURNEY, NAME_CHARS
from harness.scenario.arguments import REPLY, Draw, Values, compile_arguments, names_in, varies

OPERATION_CHARS_MAX: Final = NAME_CHARS


@dataclass(frozen=True, slots=True)
class WorkloadEntry:
    """One entry: its weight, and how its next request is made."""

    weight: int
    draw: Draw  # the arguments of a tool, else all parameters
    tool: str | None
    method: str
    operation: str
    expects: Callable[[Reply], Reply] | None = None
    fixed: bool = False  # its arguments are always the same
    in_turn: bool = False  # all of them are called equally often, instead of by chance
    feeders: frozenset[str] = frozenset()  # whose rows its templates look at
    steps: "tuple[WorkloadEntry, ...]" = ()  # of a journey
    name: str = ""  # of a step's reply, for later ones
    keeps: bool = False  # a later step looks at a reply

    def request(self, session: Session, drawn: Any) -> Request:
        """Return a request with the values that were drawn for its templates."""
        if self.tool is not None:
            request = session.call(self.tool, drawn)
        else:
            request = session.request(self.method, drawn, self.operation)
        return request if self.expects is None else msgspec.structs.replace(request, expects=self.expects)


def chosen(
    entries: Sequence[WorkloadEntry], weights: Sequence[int], rng: Random, user: int, count: int
) -> WorkloadEntry:
    """Return the entry of a user's next call: by weight and chance, or one after the other.

    Then each user has an order of his own, so that a short step has a call of each.
    """
    if len(entries) == 1:
        return entries[0]
    if not entries[0].in_turn:
        return rng.choices(entries, weights)[0]
    strides = _strides(len(entries))
    return entries[(user + count * strides[user % len(strides)]) % len(entries)]


@cache
def _strides(size: int) -> list[int]:
    """Return the steps with which one comes to all places of a circle."""
    return [step for step in range(1, size) if gcd(step, size) == 1]


def works(entries: Iterable[Mapping[str, Any]], values: Values | None = None) -> list[WorkloadEntry]:
    """Return the entries of a scenario's workload; `values` is where templates such as `{{people.id}}` look."""
    return [_whole(entry, values) for entry in entries]


def _whole(entry: Mapping[str, Any], values: Values | None) -> WorkloadEntry:
    if entry.get("journey"):
        steps = tuple(works(entry["steps"], values))
        looked = frozenset().union(*(step.feeders for step in steps))
        named = {REPLY, *(step.name for step in steps)}
        name = f"{JOURNEY}{entry['journey']}"
        whole = WorkloadEntry(entry.get("weight", 1), compile_arguments({}), None, "", name)
        return replace(whole, steps=steps, feeders=looked - named, keeps=bool(looked & named))
    work = _work(entry, values)
    looked = frozenset(name for name, _ in names_in([entry.get("args") or {}, entry.get("read") or ""]))
    if not entry.get("examples") and not varies([entry.get("args"), entry.get("read")]):
        work = replace(work, fixed=True)
    if looked or entry.get("as_"):
        work = replace(work, feeders=looked, name=entry.get("as_") or "")
    expect = entry.get("expect")
    return work if expect is None else replace(work, expects=expectation(expect))


def _work(entry: Mapping[str, Any], values: Values | None) -> WorkloadEntry:
    arguments, weight = entry.get("args") or {}, entry.get("weight", 1)
    if entry.get("examples"):
        return _of_examples(entry, weight)
    if entry.get("call"):
        return WorkloadEntry(weight, compile_arguments(arguments, values), entry["call"], "tools/call", "")
    if entry.get("read"):
        uri = entry["read"]
        return WorkloadEntry(
            weight, compile_arguments({"uri": uri}, values), None, *_named("resources/read", uri)
        )
    if entry.get("prompt"):
        name = entry["prompt"]
        return WorkloadEntry(
            weight, _prompt(name, compile_arguments(arguments, values)), None, *_named("prompts/get", name)
        )
    if entry.get("request"):
        method = entry["request"]
        return WorkloadEntry(weight, compile_arguments(arguments), None, method, method[:OPERATION_CHARS_MAX])
    method = f"{entry['list']}/list"
    return WorkloadEntry(weight, compile_arguments({}), None, method, method)


def _of_examples(entry: Mapping[str, Any], weight: int) -> WorkloadEntry:
    """Return an entry whose every request takes one of its examples, as it is: no text in it is a template."""
    examples = entry["examples"]
    if entry.get("call"):
        return WorkloadEntry(weight, _one_of(examples), entry["call"], "tools/call", "", in_turn=True)
    if name := entry.get("prompt"):
        examples = [{"name": name, "arguments": example} for example in examples]
        method, operation = _named("prompts/get", name)
    else:
        method, operation = _named("resources/read", entry["read"])
    return WorkloadEntry(weight, _one_of(examples), None, method, operation, in_turn=True)


def _one_of(values: Sequence[Any]) -> Draw:
    if len(values) == 1:
        return lambda _rng, _count: values[0]
    return lambda rng, _count: rng.choice(values)


def _prompt(name: str, draw: Draw) -> Draw:
    """Return a draw whose arguments are texts, as a prompt needs, whatever type YAML or a template gives."""

    def drawn(rng: Random, count: int) -> JsonObject:
        return {"name": name, "arguments": {key: _text(value) for key, value in draw(rng, count).items()}}

    return drawn


def _text(value: object) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _named(method: str, name: str) -> tuple[str, str]:
    return method, f"{method}:{name}"[:OPERATION_CHARS_MAX]
