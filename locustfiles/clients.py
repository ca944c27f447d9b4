"""Clients as they are: user classes that do what MCP clients do with their sessions, streams and connections.

    locust -f locustfiles/clients.py AgentClient --host http://127.0.0.1:3001/mcp --call echo --args '{"message": "hi"}'
    harness sustain --users 20 --for 2m --clients agent=3,session-per-call=1 --url ... --call echo --args '...'

Each is a class of a few lines: copy one, and change what your client does differently (docs/clients.md has all of
`ClientUser`). Without `--call`, plain Locust asks for the list of tools.
"""

import random
from typing import ClassVar

from locust import between, task

from harness.load.inside.users import ClientUser


class SteadyClient(ClientUser):
    """One session and one connection for as long as it runs: what most load tests have."""

    wait_time = between(1, 3)

    @task
    def call_one(self) -> None:
        self.call_from_workload()


class SessionPerCallClient(ClientUser):
    """A script, or a gateway without memory: a session for each call, closed after it."""

    wait_time = between(1, 3)

    @task
    def call_one(self) -> None:
        self.call_from_workload()
        self.end_session()


class NeverClosingClient(ClientUser):
    """A client that opens a session for each call and never closes one: the server has to notice by itself."""

    wait_time = between(1, 3)

    @task
    def call_one(self) -> None:
        self.call_from_workload()
        self.leave_session_open()

    def on_stop(self) -> None:
        """Leave the last one, too."""
        self.leave_session_open()
        super().on_stop()


class ConnectionPerCallClient(SteadyClient):
    """A client without keep-alive: one session, and a new connection for each request."""

    new_connection_each_call = True


class IdleClient(ClientUser):
    """An IDE that is open and not used: a session whose stream is quiet, then one call. Proxies cut such streams."""

    abstract = True
    listens = True
    idle_s = 60.0
    wait_time = between(0, 0)

    @task
    def be_idle_then_call(self) -> None:
        self.idle(self.idle_s)
        self.call_from_workload()


class Idle60Client(IdleClient):
    """Idle for 60 s: nginx's usual read timeout, and that of many load balancers."""

    idle_s = 60.0


class Idle125Client(IdleClient):
    """Idle for 125 s: longer than proxies that cut after 100 or 120 s."""

    idle_s = 125.0


class Idle300Client(IdleClient):
    """Idle for five minutes: longer than most NAT gateways and service meshes keep a silent connection."""

    idle_s = 300.0


class SlowReaderClient(SteadyClient):
    """A client on a bad line, or one that is busy: it reads 20 KB a second."""

    reads_bytes_per_s = 20_000


class CancellingClient(SteadyClient):
    """A person who presses Escape: calls that take too long are given up, and the server is told."""

    patience = between(0.1, 2)


class AgentClient(ClientUser):
    """An agent: a model that asks for three to eight calls at once, then thinks, or waits for its person, for minutes."""

    wait_time = between(60, 180)

    @task
    def burst(self) -> None:
        self.call_at_once(random.randint(3, 8))


class TaskPollingClient(ClientUser):
    """A client of long-running tools: it submits a task, polls it as the server says, and fetches the result."""

    wait_time = between(1, 3)

    @task
    def call_one(self) -> None:
        self.call_as_task()


class AnsweringClient(SteadyClient):
    """A person beside the client: forms and requests for a model's answer are answered after two to five seconds."""

    capabilities: ClassVar[dict[str, dict[str, str]]] = {"elicitation": {}, "sampling": {}}
    listens = True
    answer_after = between(2, 5)


class SubscribingClient(SteadyClient):
    """A client of 2026-07-28 that keeps `subscriptions/listen` open beside its calls."""

    listens = True


class ListingClient(ClientUser):
    """A client that starts up: it reads all lists to their last page."""

    wait_time = between(10, 30)

    @task
    def read_all_lists(self) -> None:
        self.list_everything()
