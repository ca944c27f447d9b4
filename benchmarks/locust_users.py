"""Locust users who call as fast as they can, alone in a process: the harness's, and those it is measured against.

    python benchmarks/locust_users.py NAME PORT PATH USERS SECONDS         prints one JSON object

    harness, harness-ws     this harness: each call has a deadline and leaves a row
    harness-workload        the same call as a workload, which is what `harness ramp --call` makes
                            (either on the fast lane, unless HARNESS_NATIVE=off)
    harness-query           the same, of the reference target, at /mcp or at its plain door
    harness-spread          the same, with random pauses of 10 ms on average between calls
    fasthttp, http          Locust's FastHttpUser and HttpUser
    websocket-client        a Locust user on the `websocket-client` package

All of them check that the reply is JSON-RPC, has a result, and answers their own id; all are counted by Locust.
Ten users run for half a second first, and all of them for half a second more, before anything is measured.
"""

import gc
import json
import os
import sys
import tempfile
import time
from array import array
from itertools import count
from pathlib import Path
from typing import Any

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
import numpy as np  # noqa: E402
import websocket  # noqa: E402
from locust import FastHttpUser, HttpUser, User, constant, task  # noqa: E402
from locust.env import Environment  # noqa: E402

from harness.load.engine import LoadSpec  # noqa: E402
from harness.load.inside.users import context  # noqa: E402
from harness.load.inside.users.recorder import Recorder  # noqa: E402
from harness.load.inside.users.selfwatch import SelfWatch  # noqa: E402
from harness.load.inside.users.user import McpUser, WebSocketMcpUser  # noqa: E402
from harness.run_directory.spool import SpoolFile, read_blocks  # noqa: E402

PROTOCOL = "2025-11-25"
PLAIN = "/tools/call"
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    "MCP-Protocol-Version": PROTOCOL,
}
PAUSE_S_MAX = 0.02
WARM_USERS = 10
WARM_S = 0.5


class Harness(McpUser):
    """What `harness` runs."""

    wait_time = constant(0)

    @task
    def echo(self) -> None:
        self.call("echo", message="hello")


class Workload(McpUser):
    """The same call, as the users of locustfiles/workload.py make it."""

    wait_time = constant(0)
    tasks = (McpUser.call_from_workload,)


class SpreadOut(McpUser):
    """The same, each call after a random pause: without it, users whose calls take equally long move in step."""

    wait_time = constant(0)

    @task
    def echo(self) -> None:
        gevent.sleep(self.random.uniform(0, PAUSE_S_MAX))
        self.call("echo", message="hello")


class HarnessOnWebSocket(WebSocketMcpUser):
    """The same in frames."""

    wait_time = constant(0)

    @task
    def echo(self) -> None:
        self.call("echo", message="hello")


def call(number: int) -> str:
    """As a Locust user writes it."""
    params = {"name": "echo", "arguments": {"message": "hello"}}
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})


def answers(message: Any, number: int) -> bool:
    """Whether it is the result of that call."""
    return message["id"] == number and not message["result"].get("isError")


class Query(McpUser):
    """The reference target's lightest query."""

    wait_time = constant(0)

    @task
    def query(self) -> None:
        self.call("execute_query", query="SELECT 1 AS one")


class Fast(FastHttpUser):  # type: ignore[misc]
    """Locust's faster HTTP user."""

    wait_time = constant(0)
    path = "/mcp"

    def on_start(self) -> None:
        self.numbers = count(1)

    @task
    def echo(self) -> None:
        number = next(self.numbers)
        with self.client.post(
            self.path, data=call(number), headers=HEADERS, name="echo", catch_response=True
        ) as response:
            text = response.text
            if self.path == "/sse":  # an event, and nothing else
                text = text[text.index("data: ") + 6 : text.rindex("\n\n")]
            if not answers(json.loads(text), number):
                response.failure("wrong answer")


class Slow(HttpUser):  # type: ignore[misc]
    """Locust's usual HTTP user, on requests."""

    wait_time = constant(0)
    path = "/mcp"
    on_start, echo = Fast.on_start, Fast.echo


class OnWebSocketClient(User):  # type: ignore[misc]
    """As the documentation of Locust has it: a client of somebody else's, and the event fired by hand."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.numbers = count(1)
        url = self.host.replace("http", "ws") + "/ws"
        self.socket = websocket.create_connection(url, subprotocols=["mcp"], timeout=30)

    @task
    def echo(self) -> None:
        number = next(self.numbers)
        with self.environment.events.request.measure("websocket", "echo") as event:
            self.socket.send(call(number))
            text = self.socket.recv()
            event["response_length"] = len(text)
            if not answers(json.loads(text), number):
                raise ValueError("wrong answer")


USERS: dict[str, type[Any]] = {
    "harness": Harness,
    "harness-workload": Workload,
    "harness-spread": SpreadOut,
    "harness-ws": HarnessOnWebSocket,
    "harness-query": Query,
    "fasthttp": Fast,
    "http": Slow,
    "websocket-client": OnWebSocketClient,
}


def resident_kb() -> float:
    """Memory of this process."""
    return (
        int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        * os.sysconf("SC_PAGESIZE")
        / 1024
    )


def run(name: str, port: int, path: str, users: int, seconds: float) -> dict[str, float]:
    """Warm up, start everybody, measure."""
    base = f"http://127.0.0.1:{port}"
    environment = Environment(user_classes=[USERS[name]], host=base)
    USERS[name].path = path
    runner = environment.create_local_runner()
    watch = SelfWatch(time.monotonic_ns())
    times_ms = array("d")
    with tempfile.TemporaryDirectory() as place:
        spec = LoadSpec(
            base_url=base,
            mcp_url=base + path,
            ws_url=base.replace("http", "ws") + path,
            protocol="plain" if path.endswith(PLAIN) else PROTOCOL,
            spool_dir=place,
            epoch_ns=watch.epoch_ns,
            think=False,
            workload=[{"call": "echo", "args": {"message": "hello"}}],
        )
        spool = Path(place) / "worker-0.spool"
        recorder = Recorder(SpoolFile(spool), 0, lambda: watch.read(users))
        done = lambda: environment.stats.total.num_requests  # noqa: E731
        if name.startswith("harness"):  # as in its worker
            context.attach(environment, spec, recorder)
            gevent.spawn(watch.probe)
            gevent.spawn(flush_regularly, recorder)
            gc.freeze()
            done = lambda: recorder.recorded  # noqa: E731
        else:
            environment.events.request.add_listener(lambda response_time, **_: times_ms.append(response_time))
        warm = min(WARM_USERS, users)
        runner.start(warm, spawn_rate=warm)
        gevent.sleep(min(WARM_S, seconds))
        empty_kb = resident_kb()
        runner.start(users, spawn_rate=users)
        gevent.sleep(min(WARM_S, seconds))
        began_at, calls, began_ns, began_cpu = len(times_ms), done(), time.monotonic_ns(), time.process_time()
        gevent.sleep(seconds)
        measured = {
            "calls": done() - calls,
            "seconds": (time.monotonic_ns() - began_ns) / 1e9,
            "cpu_s": time.process_time() - began_cpu,
            "kb_a_user": (resident_kb() - empty_kb) / max(users - warm, 1),
        }
        runner.quit()
        recorder.flush(last=True)
        if name.startswith("harness"):
            found, failures = read(spool, began_ns - watch.epoch_ns)
        else:
            found, failures = np.asarray(times_ms[began_at:]), environment.stats.total.num_failures
    return {**measured, "failures": failures, "median_ms": float(np.median(found)) if len(found) else 0.0}


def flush_regularly(recorder: Recorder) -> None:
    """As the harness's worker does."""
    while True:
        gevent.sleep(0.5)
        recorder.flush()


def read(spool: Path, since_ns: int) -> tuple[Any, int]:
    """Service times of the calls sent since then, and how many calls did not go well at all."""
    times_ms, failures, outcomes = [], 0, []
    for block, _ in read_blocks(spool):
        outcomes += block.texts.get("outcome", [])
        sent, done = (np.frombuffer(block.columns[name], np.int64) for name in ("sent_ns", "done_ns"))
        times_ms.append((done - sent)[sent >= since_ns] / 1e6)
        told = np.frombuffer(block.columns["outcome"], np.int32)
        bad = [code for code, text in enumerate(outcomes) if text not in {"ok", "unfinished"}]
        failures += int(np.isin(told, bad).sum())
    return np.concatenate(times_ms), failures


if __name__ == "__main__":
    chosen, port, path, users, seconds = sys.argv[1:6]
    print(json.dumps(run(chosen, int(port), path, int(users), float(seconds))))
