"""A worker: runs users, and spools a row for every call they make.

It ends in one of four ways: on request (`harness_stop`: open calls get some time, then they are cut and
recorded as such, and the last block is written); by SIGTERM, or when the master is silent for LEASE_S (the
same, without the time); or killed (spooled rows stay; later calls have no row, but are counted where the
count outlives the worker, so that the verdict is unknown).
"""

import itertools
import logging
import math
import time
from typing import Any

import gevent
import gevent.event
import locust.runners
from msgspec import structs

from harness.foundation import free_memory
from harness.load.engine import LoadSpec
from harness.load.inside.distributed import message_names
from harness.load.inside.transport import credential
from harness.load.inside.users import context
from harness.load.inside.users.recorder import Recorder
from harness.load.inside.users.selfwatch import SelfWatch
from harness.load.inside.users.turn_orders import TurnOrders
from harness.run_directory.spool import Gauges, Sink

FLUSH_S = 0.5
LEASE_S = 10.0
LOOK_S, AWAY_S = 0.25, 2.0

log = logging.getLogger(__name__)


class Worker:
    """One worker process: Locust's runner, the recorder, the watch over itself."""

    def __init__(
        self,
        environment: Any,
        runner: Any,
        spec: LoadSpec,
        index: int,
        spool: Sink,
        counter: memoryview | None = None,
    ) -> None:
        free_memory.keep_large_apart()
        self.environment = environment
        self.runner = runner
        self.watch = SelfWatch(spec.epoch_ns)
        self.recorder = Recorder(spool, index, self._gauges, counter)
        self.context = context.attach(environment, spec, self.recorder)
        self.steering = TurnOrders(environment, runner, self.context)
        # Numbers differ over all workers, so that a number means one user, and a seed one sequence.
        self.context.numbers = itertools.count(index, spec.workers_all)
        self.context.sessions = itertools.count(index, spec.workers_all)
        self.ended = gevent.event.Event()
        self.heard_ns = time.monotonic_ns()
        # Locust's own check uses the wall clock: setting it forward would end the load.
        locust.runners.MASTER_HEARTBEAT_TIMEOUT = math.inf
        self._told = ""
        runner.register_message(message_names.STOP, self._on_stop, concurrent=True)
        runner.register_message(message_names.AUTHORIZE, self._on_authorize)
        runner.register_message(message_names.TURNS, self.steering.on_turns, concurrent=True)
        environment.events.heartbeat_received.add_listener(self._on_heartbeat)
        gevent.spawn(self.watch.probe)
        gevent.spawn(self._flush_regularly)
        gevent.spawn(self._keep_lease)
        gevent.spawn(self._watch_runner)

    def end(self, drain_s: float, *, cancelled: bool = False) -> None:
        """Stop the users and write the last block; only the first call counts."""
        if self.ended.is_set():
            return
        self.context.cancelled = cancelled
        self.environment.stop_timeout = drain_s
        self.steering.close()
        self.runner.stop()
        if self.ended.is_set():  # called again while users were ending
            return
        self.recorder.flush(last=True)
        self.ended.set()
        self._tell()
        self.recorder.close()

    def _gauges(self) -> Gauges:
        gauges = self.watch.read(self.runner.user_count)
        if self.context.stdio is not None:
            gauges = structs.replace(gauges, noise=self.context.stdio.lines_of_noise())
        return self.context.retries.gauges(self.steering.gauges(gauges))

    def _on_authorize(self, msg: Any, **_: Any) -> None:
        credential.use(msg.data["headers"])

    def _on_stop(self, msg: Any, **_: Any) -> None:
        self.end(msg.data["drain_s"], cancelled=msg.data["cancelled"])

    def _on_heartbeat(self, **_: Any) -> None:
        self.heard_ns = time.monotonic_ns()

    def _flush_regularly(self) -> None:
        while not self.ended.is_set():
            gevent.sleep(FLUSH_S)
            if not self.ended.is_set():
                self.recorder.flush()
                self._tell()

    def _tell(self) -> None:
        """Tell the master, once, that rows cannot be written."""
        if self.recorder.failed and not self._told:
            self._told = self.recorder.failed
            log.error("rows cannot be written: %s", self._told)
            self.runner.send_message(message_names.UNWRITTEN, {"why": self._told})

    def _keep_lease(self) -> None:
        """End the load when the master has been silent for LEASE_S."""
        while (looked_ns := time.monotonic_ns()) - self.heard_ns < LEASE_S * 1e9:
            if self.ended.wait(LOOK_S):
                return
            if time.monotonic_ns() - looked_ns > AWAY_S * 1e9:  # we were stopped, and could not hear it
                self.heard_ns = time.monotonic_ns()
        log.error("no message from the master for %.0f s: the load ends", LEASE_S)
        self.end(0.0)

    def _watch_runner(self) -> None:
        """End when Locust's runner ends, as it does when the master says quit."""
        self.runner.greenlet.join()
        self.end(0.0)
