"""Calls that change nothing: those that somebody declared, else of tools annotated as only reading, with arguments made from the schema.

Arguments are `told` where the schema itself says them (nothing is required, or a constant, a default, an example, one of a list), else they are a
guess: a tool that refuses a guess has done nothing wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from harness.mcp.json_object import JsonObject
from harness.mcp.schemas.arguments import drawn
from harness.mcp.schemas.values import NoValueError
from harness.mcp.tool import only_reads, properties, required

TRIES_MOST: Final = 4


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
    made = [call for tool in tools if only_reads(tool) and (call := _made(tool)) is not None]
    return sorted(made, key=lambda call: (not call.told, len(call.arguments)))[:most]


def _made(tool: Mapping[str, Any]) -> SafeCall | None:
    arguments = _drawn(tool)
    if arguments is None:
        return None
    return SafeCall(
        tool["name"], arguments, all(_says(properties(tool).get(name)) for name in required(tool))
    )


def _drawn(tool: Mapping[str, Any]) -> JsonObject | None:
    """Return the likeliest arguments that the schema allows, the same each time; None where none can be made."""
    try:
        return next(drawn(tool.get("inputSchema"), Random(0), None, str(tool.get("description") or "")), None)
    except NoValueError:
        return None


def _says(schema: Any) -> bool:
    """Whether the schema of an argument names a value of it."""
    keys = schema if isinstance(schema, dict) else {}
    listed = any(isinstance(keys.get(key), list) and keys[key] for key in ("examples", "enum"))
    return listed or "const" in keys or "default" in keys


def wrong_arguments(tool: Mapping[str, Any]) -> JsonObject | None:
    """Arguments of which one is of no type that its schema allows; None where the schema says too little."""
    for name in required(tool):
        argument = properties(tool).get(name)
        kind = argument.get("type") if isinstance(argument, dict) else None
        if isinstance(kind, str) and kind in {"string", "integer", "number", "boolean"}:
            return (_drawn(tool) or {}) | {name: {"no": ["such", "type"]}}
    return None
