"""The code that runs inside Locust: the only modules that import locust or gevent.

Nothing here imports the official `mcp` package: Locust loads `locustfiles/mcp.py` under that very name.
"""
