"""The generator's own part: what it says that it added is what its figures are off by; disturbed, it does not pass.

Quiet: a percentile as reported is what the server measured itself, and what the generator says that it added to it; the rest
is the way. Disturbed: its worker is stopped for a third of the time (SIGSTOP), or shares its processor with three busy loops.
Then the figures are off, which the server's own tell, and the run is unknown; or they are not off by more than was said.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tests.truth.experiments.deaths import WORKER, child, waited_for
from tests.truth.rows import WAY_MS, Form, Row, between, exactly
from tests.truth.runs import Record, Run, load, serving

SHOWN = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
FLAGS = ("rate", "--rate", "200/s", "--for", "8s", "--arrivals", "poisson", "--protocol", "plain")
OFF_MS = 3 * WAY_MS


def rows(form: Form) -> Iterator[Row]:
    run, record = _run(form, None)
    for word, own, reported, added in _figures(run, record):
        low, high = own + added - 0.3, own + added + WAY_MS
        yield between(f"quiet: {word}, the server's own and what was added", own + added, reported, low, high)
    for name, disturb in {"stopped a third of the time": _stopping, "three busy loops": _busy}.items():
        run, record = _run(form, disturb)
        off = max(reported - own - added for _, own, reported, added in _figures(run, record))
        honest = run.summary["verdict"] == "unknown" or off <= OFF_MS
        yield exactly(f"{name}: unknown, or right within its budget", True, honest)


def _run(form: Form, disturb: Callable[[int], None] | None) -> tuple[Run, Record]:
    with serving("times", kind="lognormal") as server:
        return load(form.out, server, *FLAGS, meanwhile=disturb), server.record()


def _figures(run: Run, record: Record) -> Iterator[tuple[str, float, float, float]]:
    """A percentile: by the server, as reported, and what the generator says that it added."""
    measured = record.took_ms(run.window_ns(run.step, record))
    added = run.summary["generator"].get("added_ms") or {}
    for word, q in SHOWN.items():
        reported = run.step["latency_ms"]["response"][word]
        yield word, measured[round(q * len(measured))], reported, added.get(word) or 0.0


def _stopping(pid: int) -> None:
    worker = waited_for(pid, WORKER)
    while worker is not None and child(pid, WORKER) == worker:
        try:
            os.kill(worker, signal.SIGSTOP)
            time.sleep(0.1)
            os.kill(worker, signal.SIGCONT)
        except ProcessLookupError:
            return
        time.sleep(0.2)


def _busy(pid: int) -> None:
    """Loops where the worker may run, for no longer than the run takes."""
    worker = waited_for(pid, WORKER)
    if worker is None:
        return
    where = os.sched_getaffinity(worker)
    loop = f"import os, time\nos.sched_setaffinity(0, {where})\nend = time.monotonic() + 12\nwhile time.monotonic() < end: pass"
    for process in [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(3 * len(where))]:
        process.wait()
