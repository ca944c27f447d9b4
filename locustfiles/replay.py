"""Clients that do again what was recorded of real ones, with their pauses.

    harness run recorded.yaml
    locust -f locustfiles/replay.py --host http://127.0.0.1:3001/mcp --recording recorded.yaml

Each user plays one of the recorded sessions, and begins anew in another session when it is through.
"""

from typing import Any

from locust import task

from harness.load.inside.users import ClientUser
from harness.load.workload import works
from harness.scenario.replay import groups


class ReplayUser(ClientUser):
    """Somebody who repeats a recorded session."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        recorded = self.context.spec.replay
        alone = self.socket is not None or self.context.turns is not None  # one request after the other
        steps = recorded[self.number % len(recorded)]["steps"]
        self.steps = [(after_s, works(entries)) for after_s, entries in groups(steps, at_once=not alone)]
        self.next = 0

    def wait_time(self) -> float:
        """As long as the client took before its next request."""
        return self.steps[self.next][0]

    @task
    def repeat_one_step(self) -> None:
        if not self._ready():
            return
        _, entries = self.steps[self.next]
        self.make(entries)
        self.next = (self.next + 1) % len(self.steps)
        if not self.next:
            self.end_session()

    def _open(self) -> bool:
        turns = self.context.turns
        if turns is not None and turns.session_calls:
            self.next = 0  # a session that arrives begins with the first step
        return super()._open()
