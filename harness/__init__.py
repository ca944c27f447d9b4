"""mcp-harness: load and chaos testing for MCP servers, with numbers you can trust."""

__version__ = "0.1.0"
