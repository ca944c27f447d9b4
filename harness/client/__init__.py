"""An asyncio MCP client on aiohttp: the same protocol code as the load's, for looking before loading."""
