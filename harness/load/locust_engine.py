"""The engine of real users: Locust's master and workers as children of ours.

The master is told how many users to run over an inherited socket (`inside/control.py`); the workers spool
their samples themselves. A worker that ends without having been told to is reported by `poll`, and so is the
master: the conductor decides what that means.
"""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.errors import ServiceError
from harness.load.engine import FD_VARIABLE, SPEC_VARIABLE, Engine, Load, LoadSpec
from harness.record.rundir import RunDirectory
from harness.record.undo import Journal
from harness.services.process import Child, running

READY_S = 30.0
USERS_S_FIRST, USERS_S_EACH = 30.0, 0.05
STOP_SLACK_S = 20.0


@dataclass(slots=True)
class _LocustLoad:
    """The conductor's end of the line, and the children."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    children: list[Child] = field(default_factory=list)
    drain_s: float = 0.0
    lost: set[str] = field(default_factory=set)

    async def set_users(self, count: int) -> None:
        self._order(do="users", count=count)
        await self.hear("running", USERS_S_FIRST + USERS_S_EACH * count + self.drain_s)

    async def poll(self) -> list[str]:
        fresh = {
            f"{child.name} (exit code {child.returncode})"
            for child in self.children
            if child.returncode is not None
        }
        news = sorted(fresh - self.lost)
        self.lost |= fresh
        return news

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        self._order(do="stop", drain_s=drain_s, cancelled=cancelled)
        await self.hear("stopped", drain_s + STOP_SLACK_S)
        for child in self.children:
            await child.ended_within(STOP_SLACK_S)

    async def hear(self, said: str, within_s: float) -> dict[str, Any]:
        """The master's next word of this kind; other words are passed over."""
        try:
            async with asyncio.timeout(within_s):
                while line := await self.reader.readline():
                    word: dict[str, Any] = json.loads(line)
                    if word["said"] == said:
                        return word
        except TimeoutError:
            why = f"waited {within_s:.0f}s for it to say {said!r}"
        except OSError as error:
            why = str(error)
        else:
            why = "it has hung up"
        for child in self.children:
            if await child.ended_within(1.0):
                why += f"; {child.name} ended with {child.returncode}:\n{_last_line(child.log_tail())}"
        raise ServiceError("The load engine failed", why, "See locust.log and worker-*.log of the run")

    def _order(self, **order: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(json.dumps(order).encode() + b"\n")


def _last_line(text: str) -> str:
    """Of a traceback, the line that says what it was."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it wrote nothing")


def locust_engine(directory: RunDirectory, undo: Journal) -> Engine:
    """An engine whose children write their logs into the run directory."""

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        ours, theirs = socket.socketpair()
        environment = {SPEC_VARIABLE: spec.to_json(), FD_VARIABLE: str(theirs.fileno())}
        async with AsyncExitStack() as stack:
            reader, writer = await asyncio.open_connection(sock=ours)
            stack.callback(writer.close)
            with theirs:
                master = await stack.enter_async_context(
                    running(
                        [sys.executable, "-m", "harness.load.inside.master"],
                        name="locust-master",
                        undo=undo,
                        log=directory.log("locust"),
                        env=environment,
                        pass_fds=[theirs.fileno()],
                    )
                )
            load = _LocustLoad(reader, writer, [master], spec.timeout_s)
            port = (await load.hear("port", READY_S))["port"]
            for index in range(spec.workers):
                load.children.append(
                    await stack.enter_async_context(_worker(directory, undo, environment, index, port))
                )
            await load.hear("ready", READY_S)
            yield load

    return engine


def _worker(
    directory: RunDirectory, undo: Journal, environment: dict[str, str], index: int, port: int
) -> Any:
    return running(
        [sys.executable, "-m", "harness.load.inside.worker", str(index), str(port)],
        name=f"worker-{index}",
        undo=undo,
        log=directory.log(f"worker-{index}"),
        env=environment,
    )
