"""A worker on this machine, as a child of the harness: `python -m harness.load.inside.distributed.local INDEX HOST`.

It is started together with the master, and is told by an inherited pipe when that listens, and at which port.
"""

import gc
import logging
import os
import resource
import signal
import socket
import sys

from harness.load.inside.patching import patch

patch()

import gevent  # noqa: E402
import locust.env  # noqa: E402
from locust.event import Events  # noqa: E402

from harness.load import token  # noqa: E402
from harness.load.engine import PORT_FD_VARIABLE, SPEC_VARIABLE, LoadSpec  # noqa: E402
from harness.load.inside.distributed import message_names  # noqa: E402
from harness.load.inside.distributed.sealing import seal  # noqa: E402
from harness.load.inside.distributed.worker import Worker  # noqa: E402
from harness.load.inside.users.classes import load_classes  # noqa: E402
from harness.run_directory import started_calls  # noqa: E402
from harness.run_directory.spool import SpoolFile, spool_path  # noqa: E402


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    index, master_host = int(sys.argv[1]), sys.argv[2]
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))  # each connection needs an open file
    seal(os.environ.pop(token.VARIABLE))
    spec = LoadSpec.from_json(os.environ.pop(SPEC_VARIABLE))
    master_port = _master_port(int(os.environ.pop(PORT_FD_VARIABLE)))
    environment = locust.env.Environment(
        events=Events(), user_classes=load_classes(spec), host=spec.base_url, stop_timeout=spec.timeout_s
    )
    runner = environment.create_worker_runner(master_host, master_port)
    spool = SpoolFile(spool_path(spec.spool_dir, index))
    counter = started_calls.mapped(started_calls.started_path(spec.spool_dir, index))
    worker = Worker(environment, runner, spec, index, spool, counter)
    gevent.signal_handler(signal.SIGTERM, worker.end, 0.0)
    runner.send_message(message_names.READY, {"worker": index, "host": socket.gethostname()})
    gc.freeze()  # modules are never freed: having the garbage collector scan them costs 3 % of the throughput
    worker.ended.wait()
    runner.quit()
    environment.events.quitting.fire(environment=environment)


def _master_port(pipe: int) -> int:
    """Wait until the master listens; leave when the conductor is gone before."""
    with os.fdopen(pipe, "rb") as told:
        line = told.readline()
    if not line:
        sys.exit("The master did not listen")
    return int(line)


if __name__ == "__main__":
    main()
