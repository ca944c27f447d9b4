"""`harness sustain` as it is typed, on one core: what each of its processes takes a call, while the load runs and afterwards.

A short run and a longer one, and what lies between them: starting is the same in both. Processor time is read from /proc,
which counts in hundredths of a second. The load has ended when the worker has; what the orchestrator does after that is the
summary, the samples and the report.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from echo_target import Target, echo_target, on_core
from figures import Figure, Table
from generators import measure, missing

SHORT_S = 2.0
LONGER_S_MIN = 15.0  # starting takes a tenth of a second more or less: it must be little beside the load
LOOK_S = 0.05
TICKS_S = os.sysconf("SC_CLK_TCK")
PARTS = {
    "harness.load.inside.distributed.local": "worker",
    "harness.load.inside.distributed.master": "master",
    "harness.services.cleanup.janitor": "janitor",
    "-m harness sustain": "orchestrator",
}
LANES = {"C": "on", "Python": "off"}
COLUMNS = ("worker in", "part", "us a call, load", "us a call, afterwards", "of the worker's")
NOTE = "Everything on one core, the server on another. `of the worker's`: while the load runs."
AFTERWARDS = "afterwards"


@dataclass
class Spent:
    """One command: calls, and processor time by part."""

    calls: int = 0
    load_s: dict[str, float] = field(default_factory=dict)
    whole_s: dict[str, float] = field(default_factory=dict)


def command(rounds: int, seconds: float, users: int) -> Table:
    """The whole command on one core, and what its parts take a call."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LANES}
    rates: dict[str, list[float]] = {name: [] for name in [*LANES, "wrk"]}
    with echo_target() as target, tempfile.TemporaryDirectory() as place:
        for _ in range(rounds):
            for name, lane in LANES.items():
                short = _run(target, users, SHORT_S, lane, place)
                long = _run(target, users, SHORT_S + max(seconds, LONGER_S_MIN), lane, place)
                each = _each_us(short, long)
                found[name].append(each)
                rates[name].append(1e6 / sum(us for part, us in each.items() if part != AFTERWARDS))
            if "wrk" not in missing():
                rates["wrk"].append(measure("wrk", target, "/mcp", users, seconds).calls_per_cpu_s)
    middle = {
        name: {part: statistics.median(one[part] for one in each) for part in each[0]}
        for name, each in found.items()
    }
    figures = [
        Figure("command", f"orchestrator's share of a worker's time, {name}", each["orchestrator"] / each["worker"], "x", at_most=0.1)
        for name, each in middle.items()
    ]  # fmt: skip
    figures += [
        Figure("command", f"calls/s of one core, {name}", statistics.median(rates[name]), "")
        for name in LANES
    ]
    if rates["wrk"]:
        ratio = statistics.median(
            ours / theirs for ours, theirs in zip(rates["C"], rates["wrk"], strict=True)
        )
        figures.append(Figure("command", "times wrk, C", ratio, "x", at_least=0.35))
    rows = [
        (
            name,
            part,
            f"{us:.2f}",
            f"{each[AFTERWARDS]:.2f}" if part == "orchestrator" else "-",
            f"{us / each['worker']:.1%}",
        )
        for name, each in middle.items()
        for part, us in each.items()
        if part != AFTERWARDS
    ]
    return Table(figures, COLUMNS, rows, NOTE)


def _each_us(short: Spent, long: Spent) -> dict[str, float]:
    """Microseconds a call of each part while the load runs, and of all of them after it."""
    calls = long.calls - short.calls
    if calls <= 0:
        raise SystemExit(f"harness sustain: {short.calls} calls in a short run, {long.calls} in a longer one")
    parts = {part: long.load_s.get(part, 0.0) - short.load_s.get(part, 0.0) for part in PARTS.values()}
    after_s = [sum(one.whole_s.values()) - sum(one.load_s.values()) for one in (short, long)]
    return {part: 1e6 * spent_s / calls for part, spent_s in parts.items()} | {
        AFTERWARDS: 1e6 * (after_s[1] - after_s[0]) / calls
    }


def _run(target: Target, users: int, seconds: float, lane: str, place: str) -> Spent:
    """One command, its processes looked at until it ends."""
    flags = ["--users", str(users), "--for", f"{seconds:g}s", "--no-think", "--workers", "1"]
    url = f"http://127.0.0.1:{target.port}/mcp"
    words = [
        "sustain",
        "--url",
        url,
        "--call",
        "echo",
        "--args",
        '{"message": "hello"}',
        *flags,
        "--out",
        place,
        "--json",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        preexec_fn=on_core(1),  # noqa: PLW1509 - there are no threads
        env={**os.environ, "HARNESS_NATIVE": lane, "HARNESS_HISTORY": "off", "BENCHMARKED": place},
    )
    spent = Spent()
    while process.poll() is None:
        _look(spent, place)
        time.sleep(LOOK_S)
    out, err = process.communicate()
    try:
        spent.calls = int(json.loads(out)["generator"]["started"])
    except (ValueError, KeyError):
        raise SystemExit(f"harness sustain ended with {process.returncode}: {err[-800:]}") from None
    return spent


def _look(spent: Spent, place: str) -> None:
    """Add what the processes of the command have taken so far; the load's share stays as it was when the worker was last seen."""
    now: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if place.encode() in (folder / "environ").read_bytes():
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    part = next((name for words, name in PARTS.items() if words in line), None)
                    fields = (folder / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
                    if part is not None:
                        now[part] = now.get(part, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS_S
    spent.whole_s |= now
    if "worker" in now or "worker" not in spent.whole_s:
        spent.load_s |= now
