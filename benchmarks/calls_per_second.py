"""How many calls one core of the generator makes, beside its peers, against the same trivial server, in one run.

    make bench          (or: python benchmarks/calls_per_second.py [--rounds 3] [--seconds 4] [--users 50])

The contenders take turns, so that whatever else the machine does meets all of them; a figure is the median of the
rounds. With two cores or more the server has one and the generator another. Calls by second of *processor time* is
the figure to compare: it does not depend on how often somebody else had the core. The aim is 4 times FastHttpUser,
and 0.3 of wrk, which is written in C, checks nothing and records nothing.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CALL = (
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}'
)
SCRIPT = f"""
wrk.method = "POST"
wrk.path = "/mcp"
wrk.body = '{CALL}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
done = function(summary) io.stderr:write(summary.requests, " ", summary.duration / 1e6) end
"""
AIMS = {"fasthttp": 4.0, "wrk": 0.3}


def on_core(number: int) -> Callable[[], None]:
    """In the child: stay on one core, if there is more than one to choose from."""
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[number % len(cores)]}) if len(cores) > 1 else None


def locust(name: str, port: int, users: int, seconds: float) -> dict[str, float]:
    """One contender of contender.py."""
    command = [sys.executable, str(HERE / "contender.py"), name, str(port), str(users), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=on_core(1))
    measured: dict[str, float] = json.loads(done.stdout)
    if measured["failures"]:
        raise SystemExit(f"{name} had {measured['failures']} failures: {done.stderr[-500:]}")
    return measured


def wrk(_name: str, port: int, users: int, seconds: float) -> dict[str, float]:
    """The same POST from C."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["wrk", "-t1", f"-c{users}", f"-d{max(1, round(seconds))}s", "-s", script.name]
        url = f"http://127.0.0.1:{port}/mcp"
        done = subprocess.run(
            [*command, url], capture_output=True, text=True, check=True, preexec_fn=on_core(1)
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    calls, elapsed = map(float, done.stderr.split())
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"calls": calls, "seconds": elapsed, "cpu_s": cpu_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--users", type=int, default=50)
    options = parser.parse_args()
    contenders = {"harness": locust, "fasthttp": locust, **({"wrk": wrk} if shutil.which("wrk") else {})}
    if "wrk" not in contenders:
        print("wrk is not installed (apt-get install wrk): left out")
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    server = subprocess.Popen(
        [sys.executable, str(HERE / "trivial_server.py")],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=on_core(0),  # noqa: PLW1509 - there are no threads
    )
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        began = time.monotonic()
        for _ in range(options.rounds):
            for name, measure in contenders.items():
                measured = measure(name, port, options.users, options.seconds)
                rates[name].append(measured["calls"] / measured["cpu_s"])
                wall[name].append(measured["calls"] / measured["seconds"])
    finally:
        server.kill()
        server.wait()
    ours = statistics.median(rates["harness"])
    print(f"{'':10} {'calls/s of processor':>22} {'calls/s':>10} {'harness is':>12} {'aim':>8}")
    for name, found in rates.items():
        ratio = f"{ours / statistics.median(found):.2f} x" if name != "harness" else ""
        aim = f"{AIMS[name]:.1f} x" if name in AIMS else ""
        print(
            f"{name:10} {statistics.median(found):22,.0f} {statistics.median(wall[name]):10,.0f} {ratio:>12} {aim:>8}"
        )
    print(f"{options.users} users, {options.rounds} rounds, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
