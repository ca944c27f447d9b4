"""One process of users who each hold a WebSocket session open, for idle.py.

python benchmarks/idle_sessions.py PORT SESSIONS SECONDS        prints one JSON object
"""

import json
import os
import resource
import sys
import time
from collections.abc import Iterable
from typing import Any

WAIT_S = 60.0


def hold(port: int, sessions: int, seconds: float) -> dict[str, float]:
    """Open them, wait, call."""
    from locust_users import WARM_USERS, resident_kb  # patches this process: it comes first

    import gevent  # isort: skip
    from gevent.event import Event
    from locust import constant, task
    from locust.env import Environment

    from harness.load.engine import LoadSpec
    from harness.load.inside.users import context
    from harness.load.inside.users.user import WebSocketMcpUser

    go, alive = Event(), []

    class Idle(WebSocketMcpUser):
        wait_time = constant(WAIT_S * 10)

        @task
        def call_when_told(self) -> None:
            go.wait()
            reply = self.call("echo", message="hello")
            alive.append(reply is not None and reply.outcome == "ok")

    allow_files()
    base = f"http://127.0.0.1:{port}"
    environment = Environment(user_classes=[Idle], host=base)
    runner = environment.create_local_runner()
    spec = LoadSpec(
        base_url=base, mcp_url=f"{base}/mcp", ws_url=f"ws://127.0.0.1:{port}/ws", protocol="2025-11-25",
        spool_dir="", epoch_ns=0,
    )  # fmt: skip
    shared = context.attach(environment, spec, None)
    runner.start(WARM_USERS, spawn_rate=WARM_USERS)
    gevent.sleep(0.5)
    empty_kb, deadline = resident_kb(), time.monotonic() + WAIT_S
    runner.start(sessions, spawn_rate=sessions)
    users = environment.runner.user_greenlets
    while time.monotonic() < deadline and not (len(users) == sessions and _open(users) == sessions):
        gevent.sleep(0.05)
    opened, full_kb = _open(users), resident_kb()
    began, began_cpu = time.monotonic(), time.process_time()
    gevent.sleep(seconds)
    cpu = (time.process_time() - began_cpu) / (time.monotonic() - began)
    go.set()
    while time.monotonic() < deadline + WAIT_S and len(alive) < sessions:
        gevent.sleep(0.05)
    shared.cancelled = True
    kb_a_user = (full_kb - empty_kb) / max(sessions - WARM_USERS, 1)
    return {"open": opened, "alive": sum(alive), "cpu": cpu, "kb_a_user": kb_a_user}


def _open(greenlets: Iterable[Any]) -> int:
    return sum(greenlet.args[0].is_open for greenlet in greenlets)


def allow_files() -> int:
    """As many as this account may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


if __name__ == "__main__":
    print(json.dumps(hold(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))), flush=True)
    os._exit(0)  # ten thousand polite goodbyes are not what is measured
