"""Light, heavy and WebSocket users of an MCP server.

    locust -f locustfiles/mcp.py --host http://127.0.0.1:8000      the web UI, user classes to pick
    harness ramp --max 50                                          the same users, measured

`--host` may carry the path of the MCP endpoint; without one it is /mcp. The tools called here are those of
the reference target (`harness serve`); for any other server see workload.py.
"""

import random

from locust import between, task

from harness.load.inside.users import McpUser, WebSocketMcpUser

DATABASES = ("TEST_DB", "ANALYTICS_DB", "STAGING_DB")
SCHEMAS = ("PUBLIC", "STAGING", "REPORTING")
QUERIES = (
    "SELECT 1 as test_column",
    "SELECT CURRENT_DATABASE()",
    "SELECT CURRENT_TIMESTAMP()",
    "SHOW TABLES IN {database}.PUBLIC LIMIT 5",
)


class LightUser(McpUser):
    """Somebody who looks around: mostly listing, now and then a query."""

    weight = 3
    wait_time = between(1, 3)

    @task(3)
    def list_databases(self) -> None:
        self.call("list_databases")

    @task(2)
    def list_views(self) -> None:
        self.call("list_views", database=random.choice(DATABASES), schema=random.choice(SCHEMAS))

    @task(1)
    def execute_query(self) -> None:
        database = random.choice(DATABASES)
        query = random.choice(QUERIES).format(database=database)
        self.call("execute_query", query=query, database=database, limit=10)

    @task(1)
    def health(self) -> None:
        self.get("/health", "health", contains=b"healthy")


class HeavyUser(McpUser):
    """Somebody who hammers one tool."""

    weight = 1
    wait_time = between(0.1, 0.5)

    @task
    def execute_query(self) -> None:
        self.call("execute_query", query="SELECT 1", limit=1)


class WebSocketUser(WebSocketMcpUser):
    """A client on a WebSocket, JSON-RPC in frames: reads the status, then lists the databases."""

    weight = 1
    wait_time = between(1, 3)

    @task
    def status_then_databases(self) -> None:
        self.get("/status", "status", contains=b"version")
        self.call("list_databases")
