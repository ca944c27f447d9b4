"""/mcp: Model Context Protocol over Streamable HTTP, by the official SDK, in both eras.

The SDK is told the tools and nothing else; sessions are the gate's business. It answers in whole JSON bodies
unless the settings ask for event streams: cheaper for both sides, and no tool here has progress to report.
"""

from collections.abc import Mapping
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from mcp_types import Tool as ToolDescription

from harness import __version__
from harness.target import tools
from harness.target.doors.wire import BODY_BYTES_MAX
from harness.target.executions import UNKNOWN_TOOL
from harness.target.pipeline import Pipeline
from harness.target.settings import Settings

NAME = "harness-target"


def mcp_server(pipeline: Pipeline, door: str) -> Server[Any]:
    """The SDK's server with our tools; `door` is what its calls are recorded under."""
    listed = ListToolsResult(
        tools=[
            ToolDescription(name=name, description=tool.about, input_schema=tool.schema())
            for name, tool in tools.TOOLS.items()
        ]
    )

    async def on_list_tools(_context: object, _params: PaginatedRequestParams | None) -> ListToolsResult:
        return listed

    async def on_call_tool(_context: object, params: CallToolRequestParams) -> CallToolResult:
        outcome = await pipeline.execute(door, params.name, params.arguments or {})
        if outcome.kind == UNKNOWN_TOOL:
            raise MCPError(INVALID_PARAMS, outcome.text)
        # The protocol wants bad arguments in the result, where a model can read them and try again.
        return CallToolResult(
            content=[TextContent(type="text", text=outcome.text)],
            structured_content=outcome.value,
            is_error=outcome.is_error,
        )

    def schema_of(name: str) -> Mapping[str, Any] | None:
        return tools.TOOLS[name].schema() if name in tools.TOOLS else None

    server: Server[Any] = Server(
        NAME,
        version=__version__,
        get_tool_input_schema=schema_of,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )
    server.middleware.clear()  # tracing that nobody listens to, on every request
    return server


def session_manager(server: Server[Any], settings: Settings) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server,
        json_response=settings.json_response,
        stateless=True,
        security_settings=None,  # hosts and origins are checked in front of all doors: see names
        max_request_body_size=BODY_BYTES_MAX,
    )
