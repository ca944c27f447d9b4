"""An object of JSON as MCP has it: parameters, results, schemas, tools. What is in it, the other side decides."""

from typing import Any

JsonObject = dict[str, Any]
