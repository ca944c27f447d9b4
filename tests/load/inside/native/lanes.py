"""A user on the fast lane or off it, and the rows that it leaves."""

import time
from collections import deque
from typing import Any

import pytest
from locust import task
from locust.env import Environment
from locust.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_STOPPING

from harness.load.engine import LoadSpec
from harness.load.inside import native
from harness.load.inside.users import context
from harness.load.inside.users.recorder import Recorder
from harness.load.inside.users.tasks import UserTasks
from harness.load.inside.users.user import McpUser
from harness.run_directory.samples import Decoder, frame
from harness.run_directory.spool import Block, _decode
from tests.fakes.gauges import gauges

CALLS = 11
VARYING = [
    {"call": "x", "args": {"a": "{{random_int 1 1000}}", "b": "{{counter}}"}, "weight": 2},
    {"call": "y", "args": {"u": "{{uuid}}"}},
    {"read": "file:///{{random_choice a b}}"},
]


class Kept:
    """A spool in memory."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []

    def write(self, data: bytes) -> None:
        self.blocks.append(_decode(data[8:]))

    def close(self) -> None:
        """There is nothing to close."""


class Repeating(McpUser):
    """Makes the call of the workload, and nothing else, until it has made enough."""

    tasks = (McpUser.call_from_workload,)

    @property
    def _state(self) -> str:
        over = self.context.recorder.started >= CALLS
        return LOCUST_STATE_STOPPING if over else LOCUST_STATE_RUNNING

    @_state.setter
    def _state(self, state: str) -> None:
        """It decides by itself."""


class Varying(Repeating):
    """Makes calls that are drawn, with arguments that vary."""


class Calling(Repeating):
    """Says itself what it calls."""

    tasks = ()

    @task
    def call_it(self) -> None:
        reply = self.call("x", a=1)
        assert reply is not None
        self.replies = [*getattr(self, "replies", []), (reply.outcome, reply.value(), reply.session_id)]


Calling.tasks = [Calling.call_it]


class Run:
    """One user's calls, and the rows they left."""

    def __init__(self, kind: type[McpUser], url: str, timeout_s: float = 10.0) -> None:
        spec = LoadSpec(
            base_url=url, mcp_url=url, ws_url="", spool_dir="", epoch_ns=0, protocol="plain", think=False, timeout_s=timeout_s,
            workload=VARYING if kind is Varying else [{"call": "x", "args": {"a": 1}}],
        )  # fmt: skip
        environment = Environment(user_classes=[kind])
        environment.create_local_runner()
        self.environment = environment
        self.kept = Kept()
        self.recorder = Recorder(self.kept, 3, lambda: gauges(time.monotonic_ns()))
        self.context = context.attach(environment, spec, self.recorder)
        self.user = kind(environment)
        self.user.on_start()

    def all(self) -> Any:
        tasks = UserTasks(self.user)
        while self.recorder.started < CALLS:
            tasks._task_queue = deque([self.user.tasks[0]])
            tasks.execute_next_task()
        return self.table()

    def table(self) -> Any:
        self.user.on_stop()
        self.recorder.flush()
        decoder = Decoder()
        return frame([decoder.table(block) for block in self.kept.blocks])


def on(path: str, patch: pytest.MonkeyPatch, kind: type[McpUser], url: str, timeout_s: float = 10.0) -> Run:
    """A run of one path: "on" or "off"."""
    choice = native.choose(path)
    patch.setattr(native, "chosen", lambda: choice)
    return Run(kind, url, timeout_s)
