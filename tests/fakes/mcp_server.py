"""Real MCP servers in this process, on ports of their own: the official SDK with one tool, or with those of a test."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from mcp.server import MCPServer


@asynccontextmanager
async def mcp_server() -> AsyncIterator[str]:
    """Its URL, while it runs."""
    tiny = MCPServer("tiny", version="1.0")

    @tiny.tool()
    def echo(message: str = "") -> str:
        return message

    async with served(tiny) as url:
        yield url


@asynccontextmanager
async def served(tiny: MCPServer) -> AsyncIterator[str]:
    """The URL of that server, while it runs."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(tiny.streamable_http_app(), log_level="warning", lifespan="on")
        server = uvicorn.Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[sock]))
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{sock.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            await serving
