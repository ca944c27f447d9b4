"""Servers of known behaviour, and real `harness` commands against them: processes, as a user has them.

    with serving("times", kind="fixed") as server:
        run = harness(form.out, "bench", "--requests", "100", "--url", server.url, "--call", "wait")
        run.summary["totals"], server.record()["calls"]

Nothing of the machine's own settings reaches a command. Whatever runs when its time is over is killed, and its server with
it; a server ends with whoever has started it.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import yaml

from harness.foundation.units import NS_PER_S

ROOT = Path(__file__).parents[2]
WITHIN_S = 150
SETTINGS = ("HARNESS_", "DATABASE_URL", "TOXIPROXY_", "REDIS_URL", "AMQP_URL")
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)} | {
    "HARNESS_HISTORY": "off"
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """What a server did, by its own count."""

    asked: Counter[str]  # requests by method
    counts: Counter[str]
    calls: list[tuple[str, str, int, int]]  # tool, outcome, arrived_ns, answered_ns (monotonic)
    open: int
    wall_minus_monotonic_ns: int

    def outcomes(self) -> Counter[str]:
        return Counter(outcome for _, outcome, _, _ in self.calls)

    def took_ms(self, between_ns: tuple[int, int] | None = None) -> list[float]:
        """How long each ok call took that arrived then, by the server's own clock, in order."""
        low, high = between_ns or (0, 2**63)
        return sorted(
            (answered - arrived) / 1e6
            for _, outcome, arrived, answered in self.calls
            if outcome == "ok" and low <= arrived < high
        )


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def record(self) -> Record:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/record", timeout=30) as reply:
            found = json.load(reply)
        found["asked"], found["counts"] = Counter(found["asked"]), Counter(found["counts"])
        return Record(**found)


@contextmanager
def serving(name: str, **parameters: Any) -> Iterator[Server]:
    """A server of tests/truth/servers, while it runs."""
    argv = [sys.executable, "-m", "tests.truth.servers", name, json.dumps(parameters)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a command."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def reported(self) -> bool:
        """Whether there is a summary."""
        return self.stdout.startswith("{")

    @property
    def summary(self) -> dict[str, Any]:
        """What --json printed."""
        assert self.reported, f"exit code {self.exit_code}, and no summary: {self.stderr[-1000:]}"
        return dict(json.loads(self.stdout))

    @property
    def step(self) -> dict[str, Any]:
        """Of a run with one load step."""
        (only,) = self.summary["steps"]
        return dict(only)

    @property
    def fault(self) -> dict[str, Any]:
        (only,) = self.summary["faults"]
        return dict(only)

    @property
    def reasons(self) -> str:
        return "; ".join(self.summary["reasons"])

    def calls(self, operation: str = "tools/call:") -> dict[str, int]:
        """Requests, ok and failed of the operations that begin so, over the whole run."""
        rows = [row for row in self.summary["operations"] if row["operation"].startswith(operation)]
        return {key: sum(row[key] for row in rows) for key in ("requests", "ok", "failed")}

    def failures(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for row in self.summary["failures"]:
            found[row["outcome"]] += row["count"]
        return found

    def window_ns(self, step: dict[str, Any], record: Record) -> tuple[int, int]:
        """The measured window of a step on the server's monotonic clock."""
        wall_ns = datetime.fromisoformat(self.summary["started_at"]).timestamp() * NS_PER_S
        origin_ns = round(wall_ns) - record.wall_minus_monotonic_ns
        return origin_ns + round(step["start_s"] * NS_PER_S), origin_ns + round(step["end_s"] * NS_PER_S)


def harness(
    out: Path, *argv: str, within_s: float = WITHIN_S, meanwhile: Callable[[int], None] | None = None
) -> Run:
    """`harness ...`, to its end; `meanwhile` is told its pid. Commands that make a run are asked for --json."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=CLEAN | {"HARNESS_OUT": str(out)},
        cwd=ROOT,
    )
    try:
        if meanwhile is not None:
            Thread(target=meanwhile, args=(process.pid,), daemon=True).start()
        stdout, stderr = process.communicate(timeout=within_s)
    except BaseException:
        process.kill()  # its janitor ends the rest
        process.communicate()
        raise
    return Run(process.returncode, stdout, stderr)


def load(
    out: Path,
    server: Server,
    *argv: str,
    within_s: float = WITHIN_S,
    meanwhile: Callable[[int], None] | None = None,
) -> Run:
    """A load command against the tool `wait` of a server."""
    every = (*argv, "--url", server.url, "--call", "wait", "--json")
    return harness(out, *every, within_s=within_s, meanwhile=meanwhile)


def scenario(out: Path, name: str, server: Server, **data: Any) -> Run:
    """`harness run` of a file with these keys."""
    path = out / f"{name}.yaml"
    target = {"url": server.url, **data.pop("target", {})}
    path.write_text(yaml.safe_dump({"name": name, "target": target, "think": False, **data}))
    return harness(out, "run", str(path), "--json")


def at_once(tasks: list[Callable[[], T]]) -> list[T]:
    """Runs that make little load each, side by side."""
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [one.result() for one in [pool.submit(task) for task in tasks]]
