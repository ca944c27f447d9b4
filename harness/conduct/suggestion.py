"""Commands that would work against a server, from what it says of its tools."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from harness.record import redact


def commands_that_work(tools: Mapping[str, Mapping[str, Any]], url: str) -> list[str]:
    """Up to three: tools that say they only read first, then those that are easiest to call.

    A tool whose name has control characters is none of them: nobody should copy it into a shell.
    """

    def required(name: str) -> list[str]:
        return list((tools[name].get("inputSchema") or {}).get("required") or [])

    return [
        f"  harness ramp --max 50 --url {shlex.quote(redact.url(url))} --call {shlex.quote(name)}"
        + (
            f" --args {shlex.quote(json.dumps(_example(tools[name], required(name))))}"
            if required(name)
            else ""
        )
        for name in sorted(
            filter(str.isprintable, tools), key=lambda name: (*_risk(tools[name]), len(required(name)), name)
        )[:3]
    ]


def _risk(tool: Mapping[str, Any]) -> tuple[bool, bool]:
    """An echo is harmless; after that, what the server itself calls read-only."""
    hints = tool.get("annotations") or {}
    return "echo" not in str(tool["name"]).lower(), hints.get("readOnlyHint") is not True


def _example(tool: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """Arguments of the right types, for somebody to edit."""
    kinds = {"string": "hello", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}
    properties = tool["inputSchema"].get("properties") or {}
    return {name: kinds.get(str((properties.get(name) or {}).get("type")), "hello") for name in required}
