"""Whether a failed call was refused for its arguments: a mistake of who calls, no weakness of the server.

A server says so with the code of JSON-RPC for it (-32602), or, as the specification wants it of tools, in a result that is
an error: then only its text tells. These are the texts of the official SDKs and of FastMCP; another server may
say it in words that nobody here knows, and is then counted as a tool that fails.
"""

import re
from typing import Final

from harness.mcp import outcome

INVALID_PARAMS: Final = -32602
_SAID: Final = re.compile(
    r"-32602|invalid (?:request )?(?:arguments?|params?|parameters?|input)\b|input validation error|validation errors? for|"
    r"missing required (?:argument|parameter|field)|required (?:argument|parameter|property)|must have required property|"
    r"is a required property|unexpected (?:keyword )?argument|does not match (?:the )?(?:schema|pattern)|schema validation",
    re.IGNORECASE,
)


def refused_arguments(ended: str, code: int | None, message: str) -> bool:
    """Whether the outcome, the code and the text of a reply mean that."""
    if ended == outcome.RPC_ERROR:
        return code == INVALID_PARAMS or bool(_SAID.search(message))
    return ended == outcome.TOOL_ERROR and bool(_SAID.search(message))
