"""A JSON object, as MCP uses it for arguments, results and schemas of tools.

Each tool decides its contents.
"""

from typing import Any

JsonObject = dict[str, Any]
