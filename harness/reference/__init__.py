"""The reference MCP service: real tools on a real PostgreSQL, there to be tested. Knows nothing of the harness."""
