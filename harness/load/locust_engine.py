"""The engine of real users: Locust's master and workers as children of ours.

The master is told how many users to run over an inherited socket (`inside/control.py`); the workers spool
their samples themselves. What makes a run unknown is told by `poll`, once each; the conductor decides what follows:

- a child has ended without having been told to (seen at once: the kernel says so)
- the master misses a worker's heartbeats, or a worker says that it cannot write its rows
- the master says nothing for SILENT_S, or has hung up
- a worker's spool has not grown for SILENT_S, though a block is due twice a second, rows or not
"""

import asyncio
import json
import signal
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import ServiceError
from harness.load.engine import (
    FD_VARIABLE,
    SPEC_VARIABLE,
    USERS_S_EACH,
    USERS_S_FIRST,
    Engine,
    Load,
    LoadSpec,
    Trouble,
)
from harness.plan.plan import Arrivals
from harness.record.rundir import RunDirectory
from harness.record.spool import spool_path
from harness.record.undo import Journal
from harness.services.process import Child, running

READY_S = 30.0
STOP_SLACK_S = 20.0
WAIT_S = 60.0  # until all users of a step by count have opened their sessions
SILENT_S = 10.0
ENDS_S = 5.0
MASTER = "locust-master"


@dataclass(slots=True)
class _LocustLoad:
    """The conductor's end of the line, the children, and what is wrong with them."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    drain_s: float
    children: dict[str, Child] = field(default_factory=dict)
    stopping: bool = False
    gone: str = ""  # why the master is not heard any more
    _words: "defaultdict[str, asyncio.Queue[dict[str, Any]]]" = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )
    _news: list[Trouble] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _troubled: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def set_users(self, count: int, requests: int | None = None) -> int:
        self._order(do="users", count=count, requests=requests)
        within_s = USERS_S_FIRST + USERS_S_EACH * count + self.drain_s + STOP_SLACK_S
        if requests is not None:
            within_s += WAIT_S + self.drain_s
        word = await self._next("running", within_s)
        if not self._known and (word is None or word["users"] != count):
            seen = "nobody said how many run" if word is None else f"{word['users']} run"
            self.trouble(Trouble(MASTER, f"{count} users were asked for, and after {within_s:.0f} s {seen}"))
        return int(word["at_ns"]) if word else 0

    async def set_arrivals(self, arrivals: Arrivals, number: int, hold_s: float) -> int:
        self._order(do="arrivals", arrivals=asdict(arrivals), step=number, hold_s=hold_s)
        within_s = USERS_S_FIRST + self.drain_s + STOP_SLACK_S
        word = await self._next("arriving", within_s)
        if not self._known and (word is None or word["workers"] < word["of"]):
            self.trouble(Trouble(MASTER, f"not every worker began to send within {within_s:.0f} s"))
        return int(word["at_ns"]) if word else 0

    async def poll(self) -> list[Trouble]:
        news, self._news = self._news, []
        return news

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        self.stopping = True
        self._order(do="stop", drain_s=drain_s, cancelled=cancelled, without=sorted(self._known))
        word = None if self.gone else await self._next("stopped", drain_s + STOP_SLACK_S, heed_trouble=False)
        for part in word["left_behind"] if word else []:
            self.trouble(Trouble(part, "it did not end in order"))
        workers = [(name, child) for name, child in self.children.items() if name != MASTER]
        if word is None:
            self.trouble(Trouble(MASTER, self.gone or "it did not stop the load in time"))
            for _, child in workers:
                child.signal(signal.SIGTERM)  # they write their rows and leave
        for name, child in workers:
            if not await child.ended_within(ENDS_S):
                self.trouble(Trouble(name, "it did not end in order"))

    def trouble(self, trouble: Trouble) -> None:
        """One part has one trouble: what follows from it is no news."""
        if trouble.part not in self._known:
            self._known.add(trouble.part)
            self._news.append(trouble)
        self._troubled.set()

    async def hear(self, said: str, within_s: float) -> dict[str, Any]:
        """The master's word while everything starts; ServiceError when it does not come."""
        word = await self._next(said, within_s)
        if word is not None:
            return word
        why = self.gone or f"waited {within_s:.0f}s for it to say {said!r}"
        for name, child in self.children.items():
            if await child.ended_within(1.0):
                why += f"; {name} ended with {child.returncode}:\n{_last_line(child.log_tail())}"
        raise ServiceError("The load engine failed", why, "See locust.log and worker-*.log of the run")

    def attend(self, doing: Coroutine[Any, Any, None]) -> None:
        """Something that goes on beside the load, until it ends."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)

    def leave(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def listen(self) -> None:
        """Sorts the master's words until it has no more of them."""
        patience_s = READY_S  # it has to be loaded first
        try:
            while True:
                async with asyncio.timeout(patience_s):
                    line = await self.reader.readline()
                if not line:
                    self.gone = "it has hung up"
                    break
                patience_s = SILENT_S
                self._sort(json.loads(line))
        except TimeoutError:
            self.gone = f"it has said nothing for {patience_s:.0f} s"
        except OSError as error:
            self.gone = str(error)
        # Of a master that has ended there is more to say than that it hung up.
        if not self.stopping and not await self.children[MASTER].ended_within(1.0):
            self.trouble(Trouble(MASTER, self.gone))
        self._troubled.set()

    async def mourn(self, name: str, child: Child, worker: int | None) -> None:
        """Learns of a child's end at once."""
        code = await child.wait()
        if not self.stopping:
            how = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with {code}"
            self.trouble(Trouble(name, how, worker))

    async def follow(self, path: Path, worker: int) -> None:
        """A worker that writes nothing is not there, whatever its heart says."""
        size, unchanged = -1, 0
        while unchanged < SILENT_S:
            await asyncio.sleep(1.0)
            now = _size(path)
            size, unchanged = now, unchanged + 1 if now == size else 0
        if not self.stopping:
            self.trouble(Trouble(f"worker-{worker}", f"it has written nothing for {SILENT_S:.0f} s", worker))

    def _sort(self, word: dict[str, Any]) -> None:
        match word["said"]:
            case "alive":
                return
            case "lost" | "unwritten" as said:
                self.trouble(
                    Trouble(word["part"], word["why"], word["worker"], unwritten=said == "unwritten")
                )
            case said:
                self._words[said].put_nowait(word)

    async def _next(self, said: str, within_s: float, *, heed_trouble: bool = True) -> dict[str, Any] | None:
        """The master's next word of this kind; None when it does not come, or something is wrong."""
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._words[said].get())]
        if heed_trouble:
            waiting.append(asyncio.create_task(self._troubled.wait()))
        try:
            done, _ = await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            return waiting[0].result() if waiting[0] in done else None
        finally:
            for task in waiting:
                task.cancel()

    def _order(self, **order: Any) -> None:
        if not self.writer.is_closing():
            self.writer.write(json.dumps(order).encode() + b"\n")


def _last_line(text: str) -> str:
    """Of a traceback, the line that says what it was."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it wrote nothing")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def locust_engine(directory: RunDirectory, undo: Journal) -> Engine:
    """An engine whose children write their logs into the run directory."""

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        ours, theirs = socket.socketpair()
        environment = {SPEC_VARIABLE: spec.to_json(), FD_VARIABLE: str(theirs.fileno())}
        async with AsyncExitStack() as stack:
            reader, writer = await asyncio.open_connection(sock=ours)
            stack.callback(writer.close)
            load = _LocustLoad(reader, writer, spec.timeout_s)
            stack.callback(load.leave)

            async def start(name: str, log: str, worker: int | None, *arguments: str, **more: Any) -> None:
                child = running(
                    [sys.executable, "-m", *arguments],
                    name=name, undo=undo, log=directory.log(log), env=environment, **more,
                )  # fmt: skip
                load.children[name] = await stack.enter_async_context(child)
                load.attend(load.mourn(name, load.children[name], worker))

            with theirs:
                await start(MASTER, "locust", None, "harness.load.inside.master", pass_fds=[theirs.fileno()])
            load.attend(load.listen())
            port = (await load.hear("port", READY_S))["port"]
            for index in range(spec.workers):
                name = f"worker-{index}"
                await start(name, name, index, "harness.load.inside.local", str(index), str(port))
            await load.hear("ready", READY_S)
            for index in range(spec.workers):
                load.attend(load.follow(spool_path(spec.spool_dir, index), index))
            yield load

    return engine
