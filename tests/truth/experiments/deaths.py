"""Parts that die unasked: the generator's worker and the harness's own target, by kill -9 in the middle of a load.

A worker takes with it the rows that it had not handed over. The server knows how many calls it got: what the report has as
rows and what it has as lost add up to that, or the report says "at least" (`lost_at_least`) and has no more than was lost.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.truth.rows import Form, Row, between, exactly, one_of
from tests.truth.runs import harness, load, serving

WORKER = "harness.load.inside.distributed.local"
LOAD_S, KILLED_AFTER_S = 8, 4
RATE = 400


def rows(form: Form) -> Iterator[Row]:
    with serving("times", seconds=0.02) as server:
        killing = _killing(WORKER)
        flags = ("--rate", f"{RATE}/s", "--for", f"{LOAD_S}s", "--protocol", "plain")
        run = load(form.out, server, "rate", *flags, meanwhile=killing)
        asked = server.record().asked["tools/call"]
    generator = run.summary["generator"]
    lost = asked - generator["recorded"]
    low = 0 if generator.get("lost_at_least") else lost
    yield exactly("worker killed: verdict", "unknown", run.summary["verdict"])
    yield between("worker killed: calls without a row", lost, generator["lost"], low, lost)
    if form.long:
        run = harness(
            form.out,
            "sustain",
            "--users",
            "3",
            "--for",
            f"{LOAD_S}s",
            "--json",
            meanwhile=_killing("harness.reference"),
        )
        yield one_of("target killed: verdict", ("unknown", "fail"), run.summary["verdict"], run.reasons)
        yield exactly("target killed: named in the reasons", True, "target" in run.reasons)


def _killing(module: str) -> Callable[[int], None]:
    """Kills the one process of a command that runs this module, some time after its load began."""

    def kill(pid: int) -> None:
        waited_for(pid, WORKER)
        time.sleep(KILLED_AFTER_S)
        if there := child(pid, module):
            os.kill(there, signal.SIGKILL)

    return kill


def waited_for(pid: int, module: str, within_s: float = 60) -> int | None:
    """The child of a command that runs this module, as soon as it is there."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if there := child(pid, module):
            return there
        time.sleep(0.05)
    return None


def child(pid: int, module: str) -> int | None:
    """The process that `pid` has started to run this module."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == pid and module.encode() in words:
            return int(place.name)
    return None
