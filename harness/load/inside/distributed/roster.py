"""Locust's master with a roster: only workers of this run get users.

Locust gives users to every client that reports in. Here a client is answered, so that it can identify itself,
and counts as a worker when it has sent `message_names.READY` and was taken.
"""

from typing import Any

import locust
from locust.rpc import Message
from locust.runners import MasterRunner

CALLS = "client_ready"


class Roster(MasterRunner):
    """Locust's master, for workers that were taken only."""

    def __init__(self, *place: Any, **named: Any) -> None:
        self._taken: set[str] = set()
        super().__init__(*place, **named)

    def take(self, name: str) -> None:
        """Make the client one of Locust's workers."""
        self._taken.add(name)
        super().handle_message(name, Message(CALLS, locust.__version__, name))

    def handle_message(self, client_id: str, msg: Any) -> None:
        if msg.type == CALLS and client_id not in self._taken:
            self.send_message("ack", {"index": 0}, client_id)
            return
        super().handle_message(client_id, msg)
