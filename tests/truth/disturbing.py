"""Disturbing the load worker of a run that goes on: what a busy or limited machine does to it, on purpose.

    busy      four loops that never wait, on the worker's own core, with its own priority
    limited   the worker may run for 20 ms of each 100, as `cpulimit` does it: stopped for the rest
    stopped   it is stopped for half a second every two

The worker is the one among our own descendants; nothing else is touched, and it goes on when the disturbance is over.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

WORKER = b"harness.load.inside.distributed.local"
LOOPS = 4
# A scheduler gives a processor at once to who wants little of it: only a worker that needs much of its core is disturbed by loops.
USERS = {"busy": 60, "limited": 10, "stopped": 10, "quiet": 10}
LOOK_S = 0.05


def worker_of(root: int) -> int | None:
    """The pid of the load worker that descends from this process."""
    parents, workers = {}, []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            command = (entry / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(entry.name)
        parents[pid] = int(stat.rpartition(")")[2].split()[1])
        if WORKER in command and b"launch.py" not in command:
            workers.append(pid)
    for worker in workers:
        pid = worker
        while pid in parents:
            if pid == root:
                return worker
            pid = parents[pid]
    return None


def busy(worker: int, over: threading.Event) -> None:
    cores = {max(os.sched_getaffinity(worker))}  # its own; the last one, when it may run on all
    nice = os.getpriority(os.PRIO_PROCESS, worker)
    code = f"import os; os.sched_setaffinity(0, {cores}); os.setpriority(os.PRIO_PROCESS, 0, {nice})\nwhile True: pass"
    # A session each: Linux shares a core out between sessions before it does between their processes.
    loops = [subprocess.Popen([sys.executable, "-c", code], start_new_session=True) for _ in range(LOOPS)]
    try:
        while not over.wait(LOOK_S) and Path(f"/proc/{worker}").exists():
            pass
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _by_turns(runs_s: float, stops_s: float) -> Callable[[int, threading.Event], None]:
    def disturb(worker: int, over: threading.Event) -> None:
        while not over.wait(runs_s):
            try:
                os.kill(worker, signal.SIGSTOP)
                time.sleep(stops_s)
                os.kill(worker, signal.SIGCONT)
            except ProcessLookupError:
                return

    return disturb


HOW: dict[str, Callable[[int, threading.Event], None]] = {
    "busy": busy,
    "limited": _by_turns(0.02, 0.08),
    "stopped": _by_turns(1.5, 0.5),
}


class Disturbed:
    """From the moment there is a worker until the block is left."""

    def __init__(self, how: str) -> None:
        self._how = HOW[how]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._disturb)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _disturb(self) -> None:
        while not self._over.wait(LOOK_S):
            worker = worker_of(os.getpid())
            if worker is not None:
                self._over.wait(2.0)  # it is to start, and the step to begin
                self._how(worker, self._over)
                return
