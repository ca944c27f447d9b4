"""Locust's master, as a child of the harness: tells workers how many users to run, and nothing else.

It runs no users and keeps no statistics; samples go from the workers straight to their spools. It is
steered by `control` rather than by a load shape: a shape is asked about once a second and blocks while
users spawn, and a step must begin when it is asked for, not up to a second later.
"""

import logging
import os
from collections.abc import Iterable
from typing import Any

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
import locust.env  # noqa: E402
import locust.runners  # noqa: E402
from locust.event import Events  # noqa: E402

from harness.load.engine import SPEC_VARIABLE, USERS_S_EACH, USERS_S_FIRST, LoadSpec  # noqa: E402
from harness.load.inside import words  # noqa: E402
from harness.load.inside.classes import load_classes  # noqa: E402
from harness.load.inside.control import Control  # noqa: E402

STOP_SLACK_S = 10.0
LOOK_S, ALIVE_S = 0.05, 1.0


class Master:
    """One load test: the runner and what the conductor asked of it."""

    def __init__(self, spec: LoadSpec, control: Control) -> None:
        self.control = control
        self.environment = locust.env.Environment(
            events=Events(), user_classes=load_classes(spec), host=spec.base_url, stop_timeout=spec.timeout_s
        )
        self.runner = self.environment.create_master_runner("127.0.0.1", 0)
        self.runner.register_message(words.READY, self._on_ready)
        self.runner.register_message(words.UNWRITTEN, self._on_unwritten)
        self.expected = spec.workers
        self.spread_s = USERS_S_FIRST + spec.timeout_s
        self.ready: dict[str, int] = {}  # Locust's name of a worker -> its number
        self.lost: set[str] = set()
        self.stopping = False
        self._spreading: gevent.Greenlet | None = None

    def serve(self) -> None:
        """Until the conductor says stop, or is gone."""
        self.control.say("port", port=self.runner.server.port)
        gevent.spawn(self._watch_workers)
        for order in self.control.orders():
            if order["do"] == "users":
                self._users(order["count"])
            else:
                self._stop(order["drain_s"], cancelled=order["cancelled"], without=order["without"])
                return
        self._stop(0.0, cancelled=True)

    def _users(self, count: int) -> None:
        if self._spreading is not None:
            self._spreading.kill()
        self.runner.start(count, spawn_rate=max(count, self.runner.user_count, 1))
        self._spreading = gevent.spawn(self._until_running, count)

    def _until_running(self, count: int) -> None:
        """Locust gives its workers a second to say so; ours have as long as it takes."""
        with gevent.Timeout(self.spread_s + USERS_S_EACH * count, exception=False):
            while self.runner.user_count != count or self.runner.clients.spawning:
                gevent.sleep(0.01)
        self._say_quietly("running", users=self.runner.user_count)

    def _stop(self, drain_s: float, *, cancelled: bool, without: Iterable[str] = ()) -> None:
        """Workers end their users, write their last block and leave; those that do not are left behind.

        Nobody waits for those that the conductor knows to be gone: Locust notices only after some heartbeats.
        """
        self.stopping = True
        # Otherwise Locust would give the users of the first worker that leaves to those that are still here.
        self.runner.update_state(locust.runners.STATE_STOPPING)
        self.runner.send_message(words.STOP, {"drain_s": drain_s, "cancelled": cancelled})
        with gevent.Timeout(drain_s + STOP_SLACK_S, exception=False):
            while left := {self._part(name) for name in self._alive()} - {*without}:
                gevent.sleep(0.01)
        self._say_quietly("stopped", left_behind=sorted(left))

    def _on_ready(self, msg: Any, **_: Any) -> None:
        self.ready[msg.node_id] = msg.data["worker"]

    def _on_unwritten(self, msg: Any, **_: Any) -> None:
        name = msg.node_id
        self._say_quietly(
            "unwritten", part=self._part(name), worker=self.ready.get(name), why=msg.data["why"]
        )

    def _part(self, name: str) -> str:
        return f"worker-{self.ready[name]}" if name in self.ready else name

    def _alive(self) -> set[str]:
        return {node.id for node in self.runner.clients.all if node.state != locust.runners.STATE_MISSING}

    def _watch_workers(self) -> None:
        """Say when all are there, when one is not any more, and once a second that we are."""
        told_ready, looks = False, 0
        while True:
            alive = self._alive()
            gone = set() if self.stopping else set(self.ready) - alive - self.lost
            for name in sorted(gone):
                why = "its heartbeats do not come any more" if name in self.runner.clients else "it has left"
                self._say_quietly("lost", part=self._part(name), worker=self.ready[name], why=why)
            self.lost |= gone
            if not told_ready and len(alive & set(self.ready)) >= self.expected:
                told_ready = True
                self._say_quietly("ready", workers=len(alive))
            if looks % (ALIVE_S / LOOK_S) == 0:
                self._say_quietly("alive")
            looks += 1
            gevent.sleep(LOOK_S)

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
