"""One generator, alone in a process on one core: N users who call as fast as they can, for a while.

    python benchmarks/contender.py harness|fasthttp PORT USERS SECONDS

Both are Locust users in a Locust runner; both check that the reply is JSON-RPC, has a result, and answers their
own id; both fire Locust's `request` event. The harness's also keeps a deadline and writes a row for every call.
Prints one JSON object: calls, failures, elapsed seconds, processor seconds.
"""

import gc
import json
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
from locust import FastHttpUser, constant, task  # noqa: E402
from locust.env import Environment  # noqa: E402

from harness.load.engine import LoadSpec  # noqa: E402
from harness.load.inside import context  # noqa: E402
from harness.load.inside.recorder import Recorder  # noqa: E402
from harness.load.inside.selfwatch import SelfWatch  # noqa: E402
from harness.load.inside.users import McpUser  # noqa: E402
from harness.record.spool import SpoolFile  # noqa: E402

PROTOCOL = "2025-11-25"
ARGUMENTS = {"message": "hello"}
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": PROTOCOL,
}


class HarnessUser(McpUser):
    """What `harness` runs."""

    wait_time = constant(0)

    @task
    def echo(self) -> None:
        self.call("echo", **ARGUMENTS)


class FastUser(FastHttpUser):  # type: ignore[misc]
    """The same call, as a Locust user writes it."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.numbers = count(1)

    @task
    def echo(self) -> None:
        number = next(self.numbers)
        call = {
            "jsonrpc": "2.0",
            "id": number,
            "method": "tools/call",
            "params": {"name": "echo", "arguments": ARGUMENTS},
        }
        with self.client.post(
            "/mcp", data=json.dumps(call), headers=HEADERS, name="tools/call:echo", catch_response=True
        ) as response:
            message = response.json()
            if message["id"] != number or message["result"].get("isError"):
                response.failure("wrong answer")


def run(user: type[Any], port: int, users: int, seconds: float) -> dict[str, float]:
    """Half a second to get going, then the measured time."""
    base = f"http://127.0.0.1:{port}"
    environment = Environment(user_classes=[user], host=base)
    runner = environment.create_local_runner()
    watch = SelfWatch(time.monotonic_ns())
    with tempfile.TemporaryDirectory() as place:
        spec = LoadSpec(
            base_url=base,
            mcp_url=f"{base}/mcp",
            ws_url="",
            protocol=PROTOCOL,
            spool_dir=place,
            epoch_ns=watch.epoch_ns,
            think=False,
        )
        recorder = Recorder(SpoolFile(Path(place) / "worker-0.spool"), 0, lambda: watch.read(users))
        context.attach(environment, spec, recorder)
        if user is HarnessUser:
            gc.freeze()  # as the harness's worker does
        runner.start(users, spawn_rate=users)
        gevent.sleep(0.5)
        total = environment.stats.total
        done = (lambda: recorder.recorded) if user is HarnessUser else (lambda: total.num_requests)
        calls, began, began_cpu = done(), time.monotonic(), time.process_time()
        gevent.sleep(seconds)
        measured = {
            "calls": done() - calls,
            "failures": total.num_failures,
            "seconds": time.monotonic() - began,
            "cpu_s": time.process_time() - began_cpu,
        }
        runner.quit()
        recorder.close()
    return measured


if __name__ == "__main__":
    name, port, users, seconds = sys.argv[1:5]
    print(
        json.dumps(
            run({"harness": HarnessUser, "fasthttp": FastUser}[name], int(port), int(users), float(seconds))
        )
    )
