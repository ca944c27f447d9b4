"""/mcp: Model Context Protocol over Streamable HTTP, by the official SDK, in both eras.

The SDK gets the tools and nothing else; the gate handles sessions. It answers in whole JSON bodies,
which is cheaper for both sides, unless the settings ask for event streams, or a request for its progress.
"""

from collections.abc import Mapping
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
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
    ToolAnnotations,
)
from mcp_types import Tool as ToolDescription
from pydantic import ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from harness import __version__
from harness.reference import tools
from harness.reference.caller import PERMISSIONS, Caller, current
from harness.reference.doors.refused import NOTED
from harness.reference.doors.wire import BODY_BYTES_MAX, BodyError, read_body, refuse_body, replayed
from harness.reference.executions import UNKNOWN_TOOL
from harness.reference.pipeline import Pipeline
from harness.reference.progress import reported
from harness.reference.refusals import Refusals

NAME = "harness-target"


class UnknownToolError(MCPError):
    """There is no such tool; the pipeline has recorded the call already."""


def mcp_server(pipeline: Pipeline, door: str, refusals: Refusals) -> Server[Any]:
    """Return the SDK's server with our tools; its calls are recorded under `door`."""
    listed = {permission: _listed(permission) for permission in PERMISSIONS}

    async def on_list_tools(_context: object, params: PaginatedRequestParams | None) -> ListToolsResult:
        if params is not None and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Invalid cursor: all tools are on one page.")
        return listed[current().permission]

    async def on_call_tool(
        context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult:
        with reported(context.session.report_progress):
            outcome = await pipeline.execute(door, params.name, params.arguments or {})
        if outcome.kind == UNKNOWN_TOOL:
            raise UnknownToolError(INVALID_PARAMS, outcome.text)
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
    # This replaces the SDK's tracing, which nothing reads.
    server.middleware[:] = [_noting(door, refusals)]
    return server


def _noting(door: str, refusals: Refusals) -> ServerMiddleware[Any]:
    """Return middleware that notes what the SDK refuses: unknown methods and wrong parameters."""

    async def noting(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        try:
            return await call_next(ctx)
        except (MCPError, ValidationError) as error:
            if not isinstance(error, UnknownToolError):
                code = error.error.code if isinstance(error, MCPError) else INVALID_PARAMS
                words = error.error.message if isinstance(error, MCPError) else "Invalid request parameters"
                refusals.note(door, f"{ctx.method}: {words}", code=code)
            if ctx.request is not None:
                ctx.request.scope[NOTED] = True
            raise

    return noting


def _listed(permission: str) -> ListToolsResult:
    """Return the tools that a caller with this permission may call."""
    caller = Caller(permission=permission)
    return ListToolsResult(
        tools=[
            ToolDescription(
                name=name,
                description=tool.about,
                input_schema=tool.schema(),
                annotations=ToolAnnotations(read_only_hint=not tool.writes),
            )
            for name, tool in tools.TOOLS.items()
            if caller.may(tool.permission)
        ]
    )


def telling(whole: ASGIApp, streamed: ASGIApp) -> ASGIApp:
    """Return an application that answers requests for progress by an event stream, others by a whole body."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        try:  # also if there should be none: the SDK reads and awaits it, too
            body = await read_body(receive)
        except BodyError as error:
            await refuse_body(send, error)
            return
        app = streamed if b'"progressToken"' in body else whole
        await app(scope, replayed(body, receive), send)

    return told


def session_manager(server: Server[Any], *, json_response: bool) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server,
        json_response=json_response,
        stateless=True,
        security_settings=None,  # hosts and origins are checked in front of all doors: see names
        max_request_body_size=BODY_BYTES_MAX,
    )
