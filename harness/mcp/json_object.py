"""The type of a JSON object in MCP: parameters, results, schemas, tools. The other side decides its content."""

from typing import Any

JsonObject = dict[str, Any]
