"""Commands that would work against a server, from what it says of its tools."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from harness.foundation.secrets import redact
from harness.mcp import stdio_address, tool


def commands_that_work(tools: Mapping[str, Mapping[str, Any]], url: str) -> list[str]:
    """Return up to three commands: read-only tools first, then those with the fewest required arguments.

    A tool whose name has control characters is left out: it must not be copied into a shell. So is one whose name
    has `${`: the harness would fill in a variable of the environment, and send it to the server.
    """
    names = sorted(
        (name for name in tools if name.isprintable() and "${" not in f"{name}{_example(tools[name])}"),
        key=lambda name: (*_risk(tools[name]), len(tool.required(tools[name])), name),
    )
    stdio = stdio_address.command(url)
    shown = redact.url(url)
    at = (
        f"--command {shlex.quote(shown.removeprefix(stdio_address.PREFIX))}"
        if stdio
        else f"--url {shlex.quote(shown)}"
    )
    return [
        f"  harness ramp --max {10 if stdio else 50} {at} --call {shlex.quote(name)}"
        + (f" --args {shlex.quote(json.dumps(wanted))}" if (wanted := _example(tools[name])) else "")
        for name in names[:3]
    ]


def _risk(description: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return the sort key of a tool's risk: an echo first, then read-only tools, then the others."""
    return "echo" not in str(description["name"]).lower(), not tool.only_reads(description)


def _example(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return example arguments of the right types, for the user to edit."""
    kinds = {"string": "hello", "integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}
    return {name: kinds.get(tool.kind(description, name), "hello") for name in tool.required(description)}
