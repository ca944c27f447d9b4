"""A Locust worker, as a child of the harness: runs users, and spools a row for every call they make.

It ends in one of three ways: asked to (`harness_stop`: open calls may end for a while, then they are cut
and recorded as such, the last block is written), its master gone (the same, at once), or killed (what was
spooled stands; the missing last block makes the verdict unknown).
"""

import gc
import logging
import os
import sys
from pathlib import Path
from typing import Any

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
import gevent.event  # noqa: E402
import locust.env  # noqa: E402
import locust.runners  # noqa: E402
from locust.event import Events  # noqa: E402

from harness.load.engine import SPEC_VARIABLE, LoadSpec  # noqa: E402
from harness.load.inside import context  # noqa: E402
from harness.load.inside.classes import load_classes  # noqa: E402
from harness.load.inside.master import STOP_MESSAGE  # noqa: E402
from harness.load.inside.recorder import Recorder  # noqa: E402
from harness.load.inside.selfwatch import SelfWatch  # noqa: E402

FLUSH_S = 0.5


class Worker:
    """One worker process: the runner, its recorder, its watch over itself."""

    def __init__(self, spec: LoadSpec, index: int, master_port: int) -> None:
        watch = SelfWatch(spec.epoch_ns)
        path = Path(spec.spool_dir) / f"worker-{index}.spool"
        self.recorder = Recorder(path, index, lambda: watch.read(self.runner.user_count))
        self.environment = locust.env.Environment(
            events=Events(), user_classes=load_classes(spec), host=spec.base_url, stop_timeout=spec.timeout_s
        )
        self.context = context.attach(self.environment, spec, self.recorder)
        self.stopped = gevent.event.Event()
        self.runner = self.environment.create_worker_runner("127.0.0.1", master_port)
        self.runner.register_message(STOP_MESSAGE, self._on_stop, concurrent=True)
        gevent.spawn(watch.probe)
        gevent.spawn(self._flush_regularly)

    def serve(self) -> None:
        """Until told to stop, or the master is gone."""
        gevent.spawn(self._watch_master)
        self.stopped.wait()
        self.recorder.flush(last=True)
        self.recorder.close()
        self.runner.quit()
        self.environment.events.quitting.fire(environment=self.environment)

    def _on_stop(self, msg: Any, **_: Any) -> None:
        self.context.cancelled = msg.data["cancelled"]
        self.environment.stop_timeout = msg.data["drain_s"]
        self.runner.stop()
        self.stopped.set()

    def _flush_regularly(self) -> None:
        while not self.stopped.is_set():
            gevent.sleep(FLUSH_S)
            self.recorder.flush()

    def _watch_master(self) -> None:
        """The runner's greenlets end when the master says quit, or is not heard of."""
        self.runner.greenlet.join()
        self.stopped.set()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    index, master_port = int(sys.argv[1]), int(sys.argv[2])
    gc.freeze()  # the modules are here to stay: looking through them again and again costs three calls in a hundred
    Worker(LoadSpec.from_json(os.environ.pop(SPEC_VARIABLE)), index, master_port).serve()


if __name__ == "__main__":
    main()
