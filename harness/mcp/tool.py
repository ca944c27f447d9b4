"""A tool as its server describes it. A server may send anything: a malformed field counts as missing."""

from collections.abc import Mapping
from typing import Any

from harness.mcp.json_object import JsonObject


def properties(tool: Mapping[str, Any]) -> JsonObject:
    """The schemas of the tool's arguments, by name."""
    return _object(_object(tool.get("inputSchema")).get("properties"))


def required(tool: Mapping[str, Any]) -> list[str]:
    """The names of the required arguments."""
    names = _object(tool.get("inputSchema")).get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def only_reads(tool: Mapping[str, Any]) -> bool:
    """Whether the tool's annotations say that it is read-only."""
    return _object(tool.get("annotations")).get("readOnlyHint") is True


def kind(tool: Mapping[str, Any], argument: str) -> str:
    """The type of one argument; empty when the schema does not give exactly one type."""
    name = _object(properties(tool).get(argument)).get("type")
    return name if isinstance(name, str) else ""


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
