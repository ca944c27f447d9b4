"""Two calls of one tool that only reads, which must bring different results: what one brings must never be the other's.

The arguments differ in one that the schema lists values of. What tells the results apart is found by calling each twice, alone: a value that is the
same both times, and another for the other call. What changes by itself (a time, an id) tells nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.mcp.tool import only_reads, properties
from harness.verify.safe_calls import safe_calls

PAIRS_MOST: Final = 8
LEAVES_MOST: Final = 5_000
Leaves = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """One tool, two sets of arguments."""

    tool: str
    argument: str
    one: Mapping[str, Any]
    other: Mapping[str, Any]


def pairs(tools: Sequence[Mapping[str, Any]]) -> list[Pair]:
    """All that the schemas tell, within bounds."""
    declared = {call.tool: call.arguments for call in safe_calls(tools, {}, most=len(tools)) if call.told}
    made = [
        Pair(
            str(tool["name"]),
            name,
            {**declared[tool["name"]], name: values[0]},
            {**declared[tool["name"]], name: values[1]},
        )
        for tool in tools
        if only_reads(tool) and tool["name"] in declared
        for name, values in _choices(tool)
    ]
    return made[:PAIRS_MOST]


def _choices(tool: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    for name, schema in properties(tool).items():
        values = schema.get("enum") if isinstance(schema, dict) else None
        if isinstance(values, list) and len(values) > 1:
            yield name, values


def telling(one: Sequence[Leaves], other: Sequence[Leaves]) -> dict[str, tuple[Any, Any]]:
    """What tells the results apart: by path, the value of the one and of the other."""
    first, second = _constant(one), _constant(other)
    return {
        path: (first[path], second[path]) for path in first if path in second and first[path] != second[path]
    }


def _constant(results: Sequence[Leaves]) -> Leaves:
    first, *more = results
    return {path: value for path, value in first.items() if all(each.get(path) == value for each in more)}


def leaves(value: Any) -> Leaves:
    """Every plain value of a result by its path; a text that is JSON is looked into."""
    values: dict[str, object] = {}
    for path, leaf in _walk(value, ""):
        values[path] = leaf
        if len(values) >= LEAVES_MOST:
            break
    return values


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            yield path, value
            return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]")
    else:
        yield path, value
