"""Locust's master, as a child of the harness: tells workers how many users to run, and nothing else.

It runs no users and keeps no statistics; samples go from the workers straight to their spools. It is
steered by `control` rather than by a load shape: a shape is asked about once a second and blocks while
users spawn, and a step must begin when it is asked for, not up to a second later.
"""

import logging
import os
from typing import Any

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
import locust.env  # noqa: E402
import locust.runners  # noqa: E402
from locust.event import Events  # noqa: E402

from harness.load.engine import SPEC_VARIABLE, LoadSpec  # noqa: E402
from harness.load.inside.classes import load_classes  # noqa: E402
from harness.load.inside.control import Control  # noqa: E402

STOP_MESSAGE = "harness_stop"
STOP_SLACK_S = 10.0


class Master:
    """One load test: the runner and what the conductor asked of it."""

    def __init__(self, spec: LoadSpec, control: Control) -> None:
        self.control = control
        self.environment = locust.env.Environment(
            events=Events(), user_classes=load_classes(spec), host=spec.base_url, stop_timeout=spec.timeout_s
        )
        self.runner = self.environment.create_master_runner("127.0.0.1", 0)
        self.expected = spec.workers
        self.known: set[str] = set()
        self.stopping = False

    def serve(self) -> None:
        """Until the conductor says stop, or is gone."""
        self.control.say("port", port=self.runner.server.port)
        gevent.spawn(self._watch_workers)
        for order in self.control.orders():
            if order["do"] == "users":
                self._users(order["count"])
            else:
                self._stop(order["drain_s"], cancelled=order["cancelled"])
                return
        self._stop(0.0, cancelled=True)

    def _users(self, count: int) -> None:
        self.runner.start(count, spawn_rate=max(count, self.runner.user_count, 1))
        self.control.say("running", users=self.runner.user_count)

    def _stop(self, drain_s: float, *, cancelled: bool) -> None:
        """Workers end their users, write their last block and leave; those that do not are left behind."""
        self.stopping = True
        self.runner.send_message(STOP_MESSAGE, {"drain_s": drain_s, "cancelled": cancelled})
        with gevent.Timeout(drain_s + STOP_SLACK_S, exception=False):
            while self.runner.clients.all:
                gevent.sleep(0.01)
        self._say_quietly("stopped", left_behind=len(self.runner.clients.all))

    def _watch_workers(self) -> None:
        """Say when all are there, and when one is not any more."""
        ready = False
        while True:
            alive = {
                node.id for node in self.runner.clients.all if node.state != locust.runners.STATE_MISSING
            }
            for worker in set() if self.stopping else self.known - alive:
                self._say_quietly("lost", worker=worker)
            self.known = alive
            if not ready and len(alive) >= self.expected:
                ready = True
                self._say_quietly("ready", workers=len(alive))
            gevent.sleep(0.05)

    def _say_quietly(self, said: str, **fields: Any) -> None:
        """A conductor that has hung up needs no news."""
        try:
            self.control.say(said, **fields)
        except OSError:
            logging.getLogger(__name__).info("nobody hears: %s %s", said, fields)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    Master(LoadSpec.from_json(os.environ.pop(SPEC_VARIABLE)), Control.inherited()).serve()


if __name__ == "__main__":
    main()
