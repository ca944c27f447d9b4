"""A worker on another machine: any `locust -f locustfiles/mcp.py --worker` whose master turns out to be the harness.

    locust's init event -> join -> receives the run -> clocks compared -> ready
        -> Worker: users, recorder, self-watch; its rows go into an outbox and travel beside Locust's own messages
        -> the load ends -> clocks compared again -> master has all rows -> leaves

- The master names the target. The worker loads it only if it is this machine or a host that the worker itself
  was started with (`--mcp-allow-host`): whoever lets a worker join may not decide alone what it loads. The
  worker resolves the name itself, once, when it joins: a name may mean another address here. Every address is
  vetted as in a run.
- The users are those of its own locustfiles/, by the run's mix or workload, whatever its -f was.
- Times are converted into the run's from the first comparison of clocks (`harness.load.clock_offset`).
- Every wait is bounded. If the master falls silent, the load ends (see `worker`), and then the process.

A plain Locust master does not answer; then this is a plain Locust worker.
"""

import gc
import logging
import socket
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import gevent
import gevent.event
import locust.runners

from harness import __version__
from harness.foundation.addresses.address import AddressError, read
from harness.foundation.addresses.judging import Wanted
from harness.foundation.addresses.vetting import vet
from harness.foundation.errors import USAGE, HarnessError, UsageError
from harness.foundation.units import NS_PER_MS
from harness.load.clock_offset import ClockExchange, ClockOffset, error_ms, measure
from harness.load.engine import SHIPPING_S, LoadSpec
from harness.load.inside.distributed import message_names
from harness.load.inside.distributed.refusal import tell
from harness.load.inside.distributed.worker import Worker
from harness.load.inside.users.classes import load_classes
from harness.run_directory.spool_shipping import Outbox

JOIN_AGAIN_S, JOIN_TRIES = 2.0, 60
EXCHANGES, EXCHANGE_S = 20, 2.0
SHIP_EVERY_S = 0.05
INTERRUPTED_S = 5.0

log = logging.getLogger(__name__)


def offer(environment: Any, runner: Any) -> None:
    """Ask the master whether it belongs to the harness; a plain master does not answer."""
    if isinstance(runner, locust.runners.WorkerRunner):
        gevent.spawn(Remote(environment, runner).join)
    elif isinstance(runner, locust.runners.MasterRunner):
        runner.register_message(message_names.JOIN, lambda **_: None)


class Remote:
    """This process as a worker of a run on another machine."""

    def __init__(self, environment: Any, runner: Any) -> None:
        self.environment = environment
        self.runner = runner
        self.host = socket.gethostname()
        self.outbox = Outbox()
        self.worker: Worker | None = None
        self._before = ClockOffset(0, 0)
        self._told: gevent.event.AsyncResult = gevent.event.AsyncResult()
        self._clock: gevent.event.AsyncResult = gevent.event.AsyncResult()
        runner.register_message(message_names.SPEC, self._on_spec)
        runner.register_message(message_names.REFUSED, self._on_refused)
        runner.register_message(message_names.CLOCK, self._on_clock)
        runner.register_message(message_names.SPOOLED, self._on_spooled)

    def join(self) -> None:
        """Ask until the master answers; give up if it is plain Locust."""
        for _ in range(JOIN_TRIES):
            self.runner.send_message(message_names.JOIN, {"version": __version__, "host": self.host})
            if self._told.wait(JOIN_AGAIN_S) is not None:
                break
        else:
            return
        order = self._told.get()
        if why := order.get("why"):
            todo = "Install the version that conducts the run, or start this worker for another run"
            self._refuse(UsageError("This worker has not joined the run", str(why), todo))
            return
        spec = LoadSpec.from_json(order["spec"])
        try:
            spec = _vetted(spec, self.environment.parsed_options.mcp_allow_host or ())
        except (HarnessError, AddressError) as error:
            what = error.what if isinstance(error, HarnessError) else f"its address cannot be read: {error}"
            todo = "start this worker with --mcp-allow-host HOST if it may be loaded from here"
            self.runner.send_message(message_names.REFUSED, {"why": f"{what}: {todo}"})
            todo = todo[0].upper() + todo[1:]
            self._refuse(UsageError("This worker does not make the load of this run", what, todo))
            return
        self._work(spec, order["worker"])

    def _work(self, spec: LoadSpec, index: int) -> None:
        before = self._compare()
        if before is None:
            why = "the clocks could not be compared"
            self.runner.send_message(message_names.REFUSED, {"why": why})
            todo = "Check the network between the two machines"
            self._refuse(UsageError("This worker has not joined the run", why, todo))
            return
        self._before = before
        spec = replace(spec, epoch_ns=spec.epoch_ns - before.ns)
        environment = self.environment
        environment.user_classes = load_classes(spec)
        environment.host = spec.base_url
        environment.process_exit_code = 0  # failed calls are the run's to judge
        self.worker = Worker(environment, self.runner, spec, index, self.outbox)
        environment.events.quitting.add_listener(self._on_quitting)
        gevent.spawn(self._ship)
        gevent.spawn(self._see_off, self.worker)
        gc.freeze()
        self.runner.send_message(message_names.READY, {"worker": index, "host": self.host})
        log.info("joined as worker-%d: %s", index, spec.mcp_url)

    def _compare(self) -> ClockOffset | None:
        """Return the master's clock minus ours, measured by messages there and back.

        None if it does not answer.
        """
        exchanges: list[ClockExchange] = []
        for _ in range(EXCHANGES):
            self._clock = gevent.event.AsyncResult()
            self.runner.send_message(message_names.CLOCK, {"sent_ns": time.monotonic_ns()})
            offset = self._clock.wait(EXCHANGE_S)
            if offset is None:
                return measure(exchanges) if exchanges else None
            exchanges.append(offset)
        return measure(exchanges)

    def _ship(self) -> None:
        while True:
            for offset, chunk in self.outbox.due(time.monotonic_ns()):
                self.runner.send_message(message_names.SPOOL, {"offset": offset, "data": chunk})
            gevent.sleep(SHIP_EVERY_S)

    def _see_off(self, worker: Worker) -> None:
        worker.ended.wait()
        after = self._compare()
        error = None if after is None else error_ms(self._before, after)
        self.runner.send_message(
            message_names.LEAVING, {"offset_ms": self._before.ns / NS_PER_MS, "error_ms": error}
        )
        self._until_taken(SHIPPING_S)
        self._leave()

    def _until_taken(self, within_s: float) -> None:
        with gevent.Timeout(within_s, exception=False):
            while not self.outbox.is_empty:
                gevent.sleep(SHIP_EVERY_S)

    def _refuse(self, error: UsageError) -> None:
        """Show the error here as well, and end with exit code 2."""
        tell(error)
        self.environment.process_exit_code = USAGE
        self._leave()

    def _leave(self) -> None:
        gevent.spawn(self.runner.quit)  # not from a greenlet that this may end

    def _on_quitting(self, **_: Any) -> None:
        """Hand the measured rows over when this process is ended early."""
        if self.worker is not None and not self.worker.ended.is_set():
            self.worker.end(0.0)
            self._until_taken(INTERRUPTED_S)

    def _on_spec(self, msg: Any, **_: Any) -> None:
        self._told.set(msg.data)

    def _on_refused(self, msg: Any, **_: Any) -> None:
        self._told.set(msg.data)

    def _on_clock(self, msg: Any, **_: Any) -> None:
        """Read our clock first: the delay until here is part of the error."""
        now_ns = time.monotonic_ns()
        self._clock.set(ClockExchange(msg.data["sent_ns"], msg.data["told_ns"], now_ns))

    def _on_spooled(self, msg: Any, **_: Any) -> None:
        self.outbox.acknowledged(msg.data["offset"], time.monotonic_ns())


def _vetted(spec: LoadSpec, allowed_hosts: Iterable[str]) -> LoadSpec:
    """Return the specification with the host's addresses as resolved here.

    Raise if one of them is not allowed.
    """
    schemes = ("http", "https", "ws", "wss")
    wanted = [Wanted(read(url, schemes)) for url in (spec.base_url, spec.mcp_url, spec.ws_url)]
    return replace(
        spec, addresses={host: list(addresses) for host, addresses in vet(wanted, allowed_hosts).items()}
    )
