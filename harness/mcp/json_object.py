"""The type of a JSON object in MCP: parameters, results, schemas, tools. The sender decides its content."""

from typing import Any

JsonObject = dict[str, Any]
