"""What a server says of its tools, and whether a client can go by it. Pure.

Held is what the specification demands and clients fall over: names that are texts and stand once, schemas that are objects of JSON Schema
of the type `object`, types that exist, required arguments that are texts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from harness.foundation.untrusted.printable import printable

TYPES: Final = frozenset({"string", "integer", "number", "boolean", "array", "object", "null"})
NAMED_MOST: Final = 5
DEPTH_MOST: Final = 20
NAME_CHARS: Final = 60


def faults(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong, a line each."""
    defects = list(_twice([str(tool.get("name")) for tool in tools]))
    for tool in tools:
        name = printable(str(tool.get("name")), NAME_CHARS)
        if not tool.get("name"):
            defects.append("a tool has an empty name")
        defects += [f"{name}: {why}" for why in _of_tool(tool)]
    more = len(defects) - NAMED_MOST
    return defects[:NAMED_MOST] + ([f"and {more} more"] if more > 0 else [])


def _twice(names: Sequence[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{printable(name, NAME_CHARS)} is listed {names.count(name)} times"


def _of_tool(tool: Mapping[str, Any]) -> Iterator[str]:
    if "inputSchema" not in tool:
        yield "it has no inputSchema"
    for key in ("inputSchema", "outputSchema"):
        schema = tool.get(key)
        if key not in tool or (key == "outputSchema" and schema is None):
            continue
        if not isinstance(schema, dict):
            yield f"its {key} is not an object"
            continue
        if schema.get("type") != "object":
            yield f"its {key} is not of type object"
        yield from (f"its {key}: {why}" for why in _of_schema(schema, 0))


def _of_schema(schema: Any, depth: int) -> Iterator[str]:
    if isinstance(schema, bool) or depth > DEPTH_MOST:
        return
    if not isinstance(schema, dict):
        yield "a schema is neither an object nor true or false"
        return
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in TYPES:
            yield f"unknown type {printable(str(kind), NAME_CHARS)}"
    needed = schema.get("required", [])
    if not isinstance(needed, list) or not all(isinstance(name, str) for name in needed):
        yield "required is not a list of names"
    inside = schema.get("properties", {})
    if not isinstance(inside, dict):
        yield "properties is not an object"
        return
    for each in inside.values():
        yield from _of_schema(each, depth + 1)
    if "items" in schema and not isinstance(schema["items"], list):
        yield from _of_schema(schema["items"], depth + 1)
