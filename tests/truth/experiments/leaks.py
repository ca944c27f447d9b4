"""A server that keeps 0, 1,000, 10,000 or 100,000 bytes of every session, one that holds so much or so many while they are open, and one
that cuts streams after a known time.

The bytes that it keeps are what theory says; its allocator rounds up and needs room of its own for each, a hundredth at most.
At 0 no leak may be claimed, twenty times out of twenty (--short: once).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.fakes.holding_server import holding
from tests.truth.rows import Form, Row, between, exactly, within

ALLOWED = 0.10
SMALL = 1_000
QUIET = 20
CUT_S = 7.0


def rows(form: Form) -> Iterator[Row]:
    for kept in (SMALL, 10_000, 100_000):
        told = _told(
            form, "leak", ["--leak", str(kept)], ["--for", "2m" if form.long else "20s", "--rate", "40/s"]
        )
        memory = _of(told, "memory")
        low, high = memory["interval"]
        if kept == SMALL:  # as much as a runtime's own growth: it may be undecided, it may not be excluded
            yield exactly(f"{kept:,} bytes of each session are not excluded", True, high >= kept, str(told))
            continue
        yield exactly(f"{kept:,} bytes of each session", "leaks", memory["word"], str(told))
        yield between("  their size", kept, memory["per_session"], kept * (1 - ALLOWED), kept * (1 + ALLOWED))
        yield exactly(
            "  lies in the interval", True, low <= kept * 1.02 and kept * 0.98 <= high, f"{low} to {high}"
        )
    for number in range(QUIET if form.long else 1):
        told = _told(form, "leak", [], ["--for", "20s", "--rate", "40/s"])
        word = _of(told, "memory")["word"]
        yield exactly(
            f"nothing is kept, time {number + 1}",
            "no claim",
            "claimed" if word == "leaks" else "no claim",
            str(told),
        )
    for options, how in (([], "FIN"), (["--reset"], "RST")):
        told = _told(form, "idle", ["--cut-s", str(CUT_S), *options], ["--for", "10s", "--kind", "stream"])
        held = told["held"][0]
        yield exactly(f"a stream that is cut by {how}", f"cut {how}", f"{held['word']} {held['how']}")
        yield within("  after, in s", CUT_S, held["lasted_s"], 1.0)

    yield from _held(form)


def _held(form: Form) -> Iterator[Row]:
    """`harness sessions`: how many there are, and what the server keeps of each that is open."""
    for kept in (10_000, 100_000):
        told = _told(form, "sessions", ["--keep", str(kept)], ["--max", "2000", "--after", "1s"])
        memory = next(one for one in told["takes"] if one["of"] == "memory")
        low, high = kept * (1 - ALLOWED), kept * (1 + ALLOWED)
        yield between(f"{kept:,} bytes of each open session", kept, memory["per_session"], low, high)
    for most in (137, 1000):
        for options in ([], ["--inside-200"]):
            flags = ["--max", "2000", "--after", "1s"]
            told = _told(form, "sessions", ["--most", str(most), *options], flags)
            yield exactly(f"{most:,} sessions fit {' '.join(options)}".strip(), most, told["open"])


def _told(form: Form, command: str, server: list[str], flags: list[str]) -> dict[str, Any]:
    with holding(*server) as url:
        argv = [
            sys.executable,
            "-m",
            "harness",
            command,
            "--url",
            url,
            "--json",
            "--out",
            str(form.out),
            *flags,
        ]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def _of(told: dict[str, Any], name: str) -> dict[str, Any]:
    return next(grown for grown in told["grows"] if grown["of"] == name)
