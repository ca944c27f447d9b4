"""Locust's master, as a child of the harness: tells workers how many users to run, and nothing else.

It runs no users; samples go from the workers straight to their spools, and Locust's own statistics are
for its web UI only (`web`). It takes orders by `control`, not from a load shape: Locust asks a shape once a
second and blocks while users spawn, and a step must begin when it is asked for, not up to a second later.
"""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from harness.load.inside.patching import patch

patch()

import gevent  # noqa: E402
import locust.env  # noqa: E402
import locust.runners  # noqa: E402
from locust.event import Events  # noqa: E402

from harness.foundation.secrets import hidden_log, hiding  # noqa: E402
from harness.load import token  # noqa: E402
from harness.load.engine import OPENING_S, SPEC_VARIABLE, USERS_S_EACH, USERS_S_FIRST, LoadSpec  # noqa: E402
from harness.load.inside.distributed import message_names, web  # noqa: E402
from harness.load.inside.distributed.control import Control  # noqa: E402
from harness.load.inside.distributed.refused import RefusedWorkers  # noqa: E402
from harness.load.inside.distributed.remote_workers import RemoteWorkers  # noqa: E402
from harness.load.inside.distributed.roster import Roster  # noqa: E402
from harness.load.inside.distributed.sealing import seal  # noqa: E402
from harness.load.inside.users.classes import load_classes  # noqa: E402
from harness.scenario.plan.arrivals import proportional  # noqa: E402

WAIT_S = 60.0
START_NS = 50_000_000  # how far ahead a common start of all workers is set
LOOK_S, ALIVE_S = 0.05, 1.0


class Master:
    """Locust's master for one load test: its runner, and the conductor's orders."""

    def __init__(self, spec: LoadSpec, control: Control) -> None:
        self.control = control
        self.environment = locust.env.Environment(
            events=Events(), user_classes=load_classes(spec), host=spec.base_url, stop_timeout=spec.timeout_s
        )
        self.runner: Roster = self.environment._create_runner(Roster, *_place(spec))  # noqa: SLF001 - its own makes one of Locust's
        self.strangers = RefusedWorkers(self.runner, self._say_quietly)
        web.show(self.environment)
        self.runner.register_message(message_names.READY, self._on_ready)
        self.runner.register_message(message_names.UNWRITTEN, self._on_unwritten)
        self.runner.register_message(message_names.TURNED, self._on_turned)
        self.visitors = RemoteWorkers(self.runner, spec, self._say_quietly) if spec.expect_workers else None
        self.near = range(spec.workers)  # the numbers of this machine's workers
        self.expected = spec.workers_all
        self.leaving_s = spec.leaving_s
        self.spread_s = USERS_S_FIRST + spec.timeout_s
        self.ready: dict[str, int] = {}  # Locust's name of a worker -> its number
        self.lost: set[str] = set()
        self.stopping = False
        self.epoch_ns = spec.epoch_ns
        self.slow_to_open = spec.stdio is not None  # sessions are processes
        self._doing: gevent.Greenlet | None = None
        self._turns = "free"  # who decides when users call
        self._deals = 0
        self._turned: dict[str, int] = {}

    def serve(self) -> None:
        """Carry out orders until the conductor says stop, or is gone."""
        self.control.say("port", port=self.runner.server.port)
        gevent.spawn(self._watch_workers)
        for received in self.control.orders():
            order = dict(received)
            wanted = order.pop("do")
            if wanted == "authorize":  # beside whatever is being done
                for value in order["headers"].values():
                    hiding.learn_passing(value.rpartition(" ")[2])
                self.runner.send_message(message_names.AUTHORIZE, order)
                continue
            if self._doing is not None:
                self._doing.kill()
            match wanted:
                case "users":
                    self._doing = gevent.spawn(self._users, **order)
                case "arrivals":
                    self._doing = gevent.spawn(self._arrivals, **order)
                case _:
                    self._stop(order["drain_s"], cancelled=order["cancelled"], without=order["without"])
                    return
        self._stop(0.0, cancelled=True)

    def _users(self, count: int, requests: int | None) -> None:
        """Run closed load; with `requests`, the users begin together and share that many calls."""
        if count:
            self._change("together" if requests is not None else "free")
        else:
            self._let_go()
        self.runner.start(count, spawn_rate=max(count, self.runner.user_count, 1))
        self._until_running(count)
        if self.slow_to_open and requests is None:
            self._deal({"kind": "opened"}, OPENING_S)
        at_ns = self._now_ns()
        if requests is not None:
            waiting = self._deal({"kind": "wait"}, WAIT_S)
            at_ns = self._now_ns() + START_NS
            shares = proportional(requests, waiting)
            self._deal(
                {"kind": "go", "at_ns": at_ns}, each={name: {"requests": n} for name, n in shares.items()}
            )
        self._say_quietly("running", users=self.runner.user_count, at_ns=at_ns)

    def _arrivals(self, **order: Any) -> None:
        """Start open load: every worker gets its share of one schedule."""
        kind = f"arrivals of {order['arrivals']['calls']}"
        if self._turns != kind:
            self._let_go()
            self.runner.start(0, spawn_rate=max(1, self.runner.user_count))
            self._until_running(0)
            self._turns = kind
        at_ns = self._now_ns() + START_NS
        names = sorted(self._workers(), key=self.ready.__getitem__)
        shares = {name: {"share": place, "shares": len(names)} for place, name in enumerate(names)}
        answered = self._deal({"kind": "arrivals", "starts_ns": at_ns, **order}, each=shares)
        self._say_quietly("arriving", at_ns=at_ns, workers=len(answered), of=len(names))

    def _change(self, kind: str) -> None:
        """Set who decides when users call; a step by count always begins anew."""
        if kind != self._turns or kind == "together":
            self._deal({"kind": kind})
        self._turns = kind

    def _let_go(self) -> None:
        """Free the users of a pool before all users are stopped.

        Users of a step by count are stopped where they wait: to free them first would let each make calls
        beyond the count.
        """
        if self._turns != "together":
            self._change("free")

    def _deal(
        self,
        turn: Mapping[str, Any],
        within_s: float = 0.0,
        each: Mapping[str, Mapping[str, int]] | None = None,
    ) -> dict[str, int]:
        """Tell every worker who decides when its users call.

        Return the number of users of each that has answered.
        """
        self._deals += 1
        self._turned = {}
        for name in self._workers():
            message = {"number": self._deals, **turn, **(each or {}).get(name, {})}
            self.runner.send_message(message_names.TURNS, message, name)
        with gevent.Timeout(self.spread_s + within_s, exception=False):
            while set(self._workers()) - set(self._turned):
                gevent.sleep(0.005)
        return self._turned

    def _on_turned(self, msg: Any, **_: Any) -> None:
        if msg.data["number"] == self._deals:
            self._turned[msg.node_id] = msg.data["users"]

    def _workers(self) -> list[str]:
        return [name for name in self.ready if name in self._alive()]

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self.epoch_ns

    def _until_running(self, count: int) -> None:
        """Wait until `count` users run; Locust itself would wait only a second."""
        with gevent.Timeout(self.spread_s + USERS_S_EACH * count, exception=False):
            while self.runner.user_count != count or self.runner.clients.spawning:
                gevent.sleep(0.01)

    def _stop(self, drain_s: float, *, cancelled: bool, without: Iterable[str] = ()) -> None:
        """Have workers end their users, write their last block and leave; report those that do not.

        Workers in `without`, which the conductor knows to be gone, are not awaited: Locust notices only after
        some missed heartbeats.
        """
        self.stopping = True
        # Otherwise Locust would give the users of the first worker that leaves to those that are still here.
        self.runner.update_state(locust.runners.STATE_STOPPING)
        self.runner.send_message(message_names.STOP, {"drain_s": drain_s, "cancelled": cancelled})
        with gevent.Timeout(drain_s + self.leaving_s, exception=False):
            while left := {self._part(name) for name in self._alive()} - {*without}:
                gevent.sleep(0.01)
        self.strangers.tell()
        self._say_quietly("stopped", left_behind=sorted(left))

    def _on_ready(self, msg: Any, **_: Any) -> None:
        name, worker = msg.node_id, msg.data["worker"]
        known = worker in self.near or (self.visitors is not None and self.visitors.number(name) == worker)
        if not known or self.ready.get(name, worker) != worker or worker in self._numbers_beside(name):
            self.strangers.count("with the token, and no place in this run")
            self.runner.send_message("quit", client_id=name)
            return
        self.runner.take(name)
        self.ready[name] = worker
        if self.visitors:
            self._say_quietly("joined", part=self._part(msg.node_id), host=msg.data["host"])

    def _numbers_beside(self, name: str) -> set[int]:
        return {worker for other, worker in self.ready.items() if other != name}

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
        """Report when all workers are ready, when one is lost, and once a second that the master lives."""
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

    def _say_quietly(self, message: str, **fields: Any) -> None:
        """Tell the conductor; if it has closed the socket, only log it."""
        try:
            self.control.say(message, **fields)
        except OSError:
            logging.getLogger(__name__).info("nobody hears: %s %s", message, fields)


def _place(spec: LoadSpec) -> tuple[str, int]:
    """Return host and port where workers join: by default on loopback only, at a free port."""
    host, _, port = spec.bind.rpartition(":")
    return (host, int(port)) if spec.expect_workers else ("127.0.0.1", 0)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    hidden_log.begin()
    seal(os.environ.pop(token.VARIABLE))
    Master(LoadSpec.from_json(os.environ.pop(SPEC_VARIABLE)), Control.inherited()).serve()


if __name__ == "__main__":
    main()
