"""The reference MCP service: real tools on a real PostgreSQL, made to be tested.

It knows nothing of the harness.
"""
