"""A tool as its server describes it, which may say anything: what is not of the right shape counts as not said."""

from collections.abc import Mapping
from typing import Any

from harness.mcp.json_object import JsonObject


def properties(tool: Mapping[str, Any]) -> JsonObject:
    """The arguments that it knows, and what is said of each."""
    return _object(_object(tool.get("inputSchema")).get("properties"))


def required(tool: Mapping[str, Any]) -> list[str]:
    """The arguments that it must have."""
    said = _object(tool.get("inputSchema")).get("required")
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []


def only_reads(tool: Mapping[str, Any]) -> bool:
    """It is annotated so."""
    return _object(tool.get("annotations")).get("readOnlyHint") is True


def kind(tool: Mapping[str, Any], argument: str) -> str:
    """The type of one argument; empty when it is not said, or not as one word."""
    said = _object(properties(tool).get(argument)).get("type")
    return said if isinstance(said, str) else ""


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
