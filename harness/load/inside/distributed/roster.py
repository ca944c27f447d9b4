"""Locust's master with a roster: users are given to workers of this run, and to nobody else.

To Locust whoever says that it is there is a worker, and gets its share of the users at once. Here it is answered, so that it
can say who it is, and counts when it has said `words.READY` and has been taken.
"""

from typing import Any

import locust
from locust.rpc import Message
from locust.runners import MasterRunner

CALLS = "client_ready"


class Roster(MasterRunner):
    """Those who were taken."""

    def __init__(self, *place: Any, **named: Any) -> None:
        self._taken: set[str] = set()
        super().__init__(*place, **named)

    def take(self, name: str) -> None:
        """From here on it is a worker like any of Locust's."""
        self._taken.add(name)
        super().handle_message(name, Message(CALLS, locust.__version__, name))

    def handle_message(self, client_id: str, msg: Any) -> None:
        if msg.type == CALLS and client_id not in self._taken:
            self.send_message("ack", {"index": 0}, client_id)
            return
        super().handle_message(client_id, msg)
