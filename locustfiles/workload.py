"""Any MCP server: users who make the calls that they are given.

    locust -f locustfiles/workload.py --host http://127.0.0.1:3001/mcp --call echo --args '{"message": "hi"}'
    harness ramp --url http://127.0.0.1:3001/mcp --call echo --args '{"message": "hi"}'

A scenario's `workload` lists several calls with weights; arguments may hold templates (docs/scenarios.md).
"""

from locust import between

from harness.load.inside.users import McpUser


class WorkloadUser(McpUser):
    """Somebody who calls the tools of the workload, each as often as its weight says."""

    wait_time = between(1, 3)

    tasks = (
        McpUser.call_from_workload,
    )  # by its name, not in a task: so the fast lane can make one call after the other
