"""Calls that change nothing: those that somebody declared, else of tools annotated as only reading, with arguments made from the schema.

Arguments are `told` where the schema itself says them (nothing is required, or a constant, a default, an example, one of a list), else they are a
guess: a tool that refuses a guess has done nothing wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.mcp.tool import only_reads, properties, required

TRIES_MOST: Final = 4
_PLAIN: Final[dict[str, Any]] = {
    "string": "a",
    "integer": 1,
    "number": 1,
    "boolean": False,
    "array": [],
    "object": {},
    "null": None,
}


@dataclass(frozen=True, slots=True)
class SafeCall:
    """One call that may be made."""

    tool: str
    arguments: Mapping[str, Any]
    told: bool  # not a guess
    declared: bool = False  # by somebody who knows


def safe_calls(
    tools: Sequence[Mapping[str, Any]], declared: Mapping[str, Mapping[str, Any]], most: int = TRIES_MOST
) -> list[SafeCall]:
    """Those that say most first."""
    names = {tool["name"] for tool in tools}
    known = [SafeCall(name, dict(given), True, True) for name, given in declared.items() if name in names]
    if known:
        return known
    made = [_made(tool) for tool in tools if only_reads(tool)]
    return sorted(made, key=lambda call: (not call.told, len(call.arguments)))[:most]


def _made(tool: Mapping[str, Any]) -> SafeCall:
    values = {name: _value(properties(tool).get(name)) for name in required(tool)}
    return SafeCall(
        tool["name"],
        {name: value for name, (value, _) in values.items()},
        all(told for _, told in values.values()),
    )


def _value(schema: Any) -> tuple[Any, bool]:
    """A value that fits, and whether the schema told it."""
    said = schema if isinstance(schema, dict) else {}
    for key in ("const", "default"):
        if key in said:
            return said[key], True
    for key in ("examples", "enum"):
        if isinstance(said.get(key), list) and said[key]:
            return said[key][0], True
    kind = said.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one in _PLAIN), "string")
    if kind in {"integer", "number"} and isinstance(said.get("minimum"), int | float):
        return said["minimum"], False
    if kind == "string" and isinstance(said.get("minLength"), int) and said["minLength"] < 1000:
        return "a" * max(1, said["minLength"]), False
    return _PLAIN.get(str(kind), "a"), False


def wrong_arguments(tool: Mapping[str, Any]) -> dict[str, Any] | None:
    """Arguments of which one is of no type that its schema allows; None where the schema says too little."""
    for name in required(tool):
        said = properties(tool).get(name)
        kind = said.get("type") if isinstance(said, dict) else None
        if isinstance(kind, str) and kind in {"string", "integer", "number", "boolean"}:
            given = {other: _value(properties(tool).get(other))[0] for other in required(tool)}
            return given | {name: {"no": ["such", "type"]}}
    return None
