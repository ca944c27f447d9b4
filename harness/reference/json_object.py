"""An object of JSON as MCP has it: arguments, results, schemas of tools. What is in it, each tool decides."""

from typing import Any

JsonObject = dict[str, Any]
