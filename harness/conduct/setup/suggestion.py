"""Commands that would work against a server, from what it says of its tools."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from harness.foundation.secrets import redact
from harness.mcp import tool


def commands_that_work(tools: Mapping[str, Mapping[str, Any]], url: str) -> list[str]:
    """Up to three: tools that say they only read first, then those that are easiest to call.

    A tool whose name has control characters is none of them: nobody should copy it into a shell.
    """
    names = sorted(
        filter(str.isprintable, tools),
        key=lambda name: (*_risk(tools[name]), len(tool.required(tools[name])), name),
    )
    return [
        f"  harness ramp --max 50 --url {shlex.quote(redact.url(url))} --call {shlex.quote(name)}"
        + (f" --args {shlex.quote(json.dumps(wanted))}" if (wanted := _example(tools[name])) else "")
        for name in names[:3]
    ]


def _risk(said: Mapping[str, Any]) -> tuple[bool, bool]:
    """An echo is harmless; after that, what the server itself calls read-only."""
    return "echo" not in str(said["name"]).lower(), not tool.only_reads(said)


def _example(said: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the right types, for somebody to edit."""
    kinds = {"string": "hello", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}
    return {name: kinds.get(tool.kind(said, name), "hello") for name in tool.required(said)}
