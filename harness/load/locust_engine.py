"""The engine of real users: Locust's master and workers as children of ours.

The master gets its orders over an inherited socket (`inside/distributed/control.py`); the workers spool
their samples themselves. `poll` returns each trouble that makes a run unknown, once; the conductor decides
what follows:

- a child has ended without being asked to (the kernel reports that at once)
- the master misses a worker's heartbeats, or a worker says that it cannot write its rows
- the master says nothing for SILENT_S, or has hung up
- a worker's spool has not grown for SILENT_S, though a block is due twice a second, rows or not
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from harness.foundation.clock import in_time
from harness.foundation.errors import UsageError, not_started
from harness.load import meeting_place, token
from harness.load.engine import (
    FD_VARIABLE,
    PORT_FD_VARIABLE,
    SPEC_VARIABLE,
    USERS_S_EACH,
    USERS_S_FIRST,
    WEB_FD_VARIABLE,
    Engine,
    Load,
    LoadSpec,
    Trouble,
)
from harness.run_directory.directory import RunDirectory
from harness.run_directory.spool import spool_path
from harness.scenario.plan.plan import Arrivals
from harness.services.processes.cores import Cores
from harness.services.processes.process import COMES_FIRST, Child, running

READY_S = 30.0
ANSWER_S = 10.0  # more than the master itself may take, so that the master reports the reason first
WAIT_S = 60.0  # until all users of a step by count have opened their sessions
JOIN_S = 120.0
SILENT_S = 10.0
ENDS_S = 5.0
MASTER = "locust-master"
WORKER = "harness.load.inside.distributed.local"


@dataclass(slots=True)
class _LocustLoad:
    """The conductor's end of the socket, the child processes, and their troubles."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    spec: LoadSpec
    note: Callable[[str], None]
    stranger: Callable[[int, str], None]  # called with the number of refused attempts to join, and why
    children: dict[str, Child] = field(default_factory=dict)
    token_file: Path | None = None  # where workers of other machines find the token
    stopping: bool = False
    gone: str = ""  # why the master is silent
    refused: str = ""  # why a worker on another machine refused
    complete: bool = False  # all workers are there
    clocks: list[Mapping[str, Any]] = field(default_factory=list)
    _words: "defaultdict[str, asyncio.Queue[Mapping[str, Any]]]" = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )
    _news: list[Trouble] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)
    _troubled: asyncio.Event = field(default_factory=asyncio.Event)
    _joined: set[str] = field(default_factory=set)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    async def set_users(self, count: int, requests: int | None = None) -> int:
        self._order(do="users", count=count, requests=requests)
        within_s = USERS_S_FIRST + USERS_S_EACH * count + self.spec.opening_s + ANSWER_S
        if requests is not None:
            within_s += WAIT_S + self.spec.timeout_s
        word = await self._next("running", within_s)
        if not self._known and (word is None or word["users"] != count):
            seen = "no worker reported how many users run" if word is None else f"{word['users']} run"
            self.trouble(Trouble(MASTER, f"{count} users were asked for, and after {within_s:.0f} s {seen}"))
        return int(word["at_ns"]) if word else 0

    async def set_arrivals(
        self, arrivals: Arrivals, number: int, hold_s: float, *, last: bool = False
    ) -> int:
        self._order(do="arrivals", arrivals=asdict(arrivals), step=number, hold_s=hold_s, last=last)
        within_s = USERS_S_FIRST + self.spec.timeout_s + ANSWER_S
        word = await self._next("arriving", within_s)
        if not self._known and (word is None or word["workers"] < word["of"]):
            self.trouble(Trouble(MASTER, f"not every worker began to send within {within_s:.0f} s"))
        return int(word["at_ns"]) if word else 0

    async def authorize(self, headers: Mapping[str, str]) -> None:
        self._order(do="authorize", headers=dict(headers))

    async def poll(self) -> list[Trouble]:
        news, self._news = self._news, []
        return news

    async def stop(self, drain_s: float, *, cancelled: bool = False) -> None:
        self.stopping = True
        self._order(do="stop", drain_s=drain_s, cancelled=cancelled, without=sorted(self._known))
        within_s = drain_s + self.spec.leaving_s + ANSWER_S
        word = None if self.gone else await self._next("stopped", within_s, heed_trouble=False)
        for part in word["left_behind"] if word else []:
            self.trouble(Trouble(part, "it did not end in order"))
        compared = {clock["part"] for clock in self.clocks}
        for index in range(self.spec.workers, self.spec.workers_all):
            if (name := f"worker-{index}") not in compared:
                self.trouble(Trouble(name, "its clock could not be compared after the run", index))
        workers = [(name, child) for name, child in self.children.items() if name != MASTER]
        if word is None:
            self.trouble(Trouble(MASTER, self.gone or "it did not stop the load in time"))
            for _, child in workers:
                child.signal(signal.SIGTERM)  # they write their rows and leave
        for name, child in workers:
            if not await child.ended_within(ENDS_S):
                self.trouble(Trouble(name, "it did not end in order"))

    def facts(self) -> Mapping[str, Any]:
        """Return the clock errors; this machine's workers share our clock."""
        worst_ms = max((clock["error_ms"] for clock in self.clocks), default=0.0)
        return {"clock_error_ms": worst_ms, **({"clocks": self.clocks} if self.clocks else {})}

    async def joined(self) -> None:
        """Wait until all workers have joined, also remote ones; raise UsageError if they do not."""
        spec = self.spec
        if not spec.expect_workers:
            await self.hear("ready", READY_S)
            self.complete = True
            return
        host, _, port = spec.bind.rpartition(":")
        shown = "HOST" if host in meeting_place.ANY_HOST else host
        where = f"a copy of {self.token_file}" if self.token_file else f"the {token.VARIABLE} of this run"
        variable = f"{token.FILE_VARIABLE}={token.FILE} " if self.token_file else ""
        self.note(
            f"Waiting at {spec.bind} for {spec.expect_workers} "
            f"{'worker' if spec.expect_workers == 1 else 'workers, each'} started with {where} by\n"
            f"  {variable}locust -f locustfiles/mcp.py --worker "
            f"--master-host {shown} --master-port {port}"
        )
        if await self._next("ready", JOIN_S) is not None:
            self.complete = True
            return
        if self.refused or not self.gone:
            there = len(self._joined)
            raise UsageError(
                "A worker refuses to make this load" if self.refused else "Not all workers have joined",
                self.refused or f"{there} of {spec.expect_workers} were there after {JOIN_S:.0f} s",
                "docs/workers.md says what a worker needs",
            )
        await self.hear("ready", 0.0)

    def trouble(self, trouble: Trouble) -> None:
        """Keep the first trouble of each part; later ones only follow from it."""
        if trouble.part not in self._known:
            self._known.add(trouble.part)
            self._news.append(trouble)
        self._troubled.set()

    async def hear(self, awaited: str, within_s: float) -> Mapping[str, Any]:
        """Return the master's message while everything starts; raise ServiceError when it does not come."""
        word = await self._next(awaited, within_s)
        if word is not None:
            return word
        why = self.gone or f"waited for it to say {awaited!r}"
        code: int | None = None
        for name, child in self.children.items():
            if await child.ended_within(1.0):
                code = child.returncode if code is None else code
                why += f"; {name} ended with {child.returncode}:\n{_last_line(child.log_tail())}"
        said_by = "See locust.log and worker-*.log of the run"
        raise not_started(code, MASTER)("The load engine failed", why, said_by)

    def attend(self, doing: Coroutine[Any, Any, None]) -> None:
        """Run a task beside the load, until the load ends."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)

    def leave(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def listen(self) -> None:
        """Sort the master's messages until they end."""
        patience_s = READY_S  # it has to be loaded first
        try:
            while True:
                line = await in_time(self.reader.readline, patience_s)
                if not line:
                    self.gone = "it closed the connection"
                    break
                patience_s = SILENT_S
                self._sort(json.loads(line))
        except TimeoutError:
            self.gone = f"it has sent nothing for {patience_s:.0f} s"
        except OSError as error:
            self.gone = str(error)
        # If the master has ended, `mourn` reports more than that it hung up.
        if not self.stopping and not await self.children[MASTER].ended_within(1.0):
            self.trouble(Trouble(MASTER, self.gone))
        self._troubled.set()

    async def mourn(self, name: str, child: Child, worker: int | None) -> None:
        """Wait for a child's end; report it as trouble unless the load is stopping."""
        code = await child.wait()
        if not self.stopping:
            how = f"it was ended by {signal.Signals(-code).name}" if code < 0 else f"it ended with {code}"
            self.trouble(Trouble(name, how, worker))

    async def follow(self, path: Path, worker: int) -> None:
        """Report a worker whose spool has not grown for SILENT_S, even if its heartbeats come."""
        size, unchanged = -1, 0
        while unchanged < SILENT_S:
            await asyncio.sleep(1.0)
            now = _size(path)
            size, unchanged = now, unchanged + 1 if now == size else 0
        if not self.stopping:
            self.trouble(Trouble(f"worker-{worker}", f"it has written nothing for {SILENT_S:.0f} s", worker))

    def _sort(self, word: Mapping[str, Any]) -> None:
        match word["said"]:
            case "alive":
                return
            case "joined":
                self._joined.add(word["part"])
                self.note(f"  {word['part']} has joined from {word['host']}")
            case "stranger":
                self.stranger(word["attempts"], word["why"])
            case "refused" if not self.complete:
                self.refused = f"The one on {word['host']} says: {word['why']}"
                self._troubled.set()
            case "clock":
                if word["error_ms"] is None:
                    return  # counts as not compared
                self.clocks.append({key: word[key] for key in ("part", "host", "offset_ms", "error_ms")})
            case "lost" | "unwritten" as said:
                trouble = Trouble(word["part"], word["why"], word["worker"], unwritten=said == "unwritten")
                self.trouble(trouble)
            case said:
                self._words[said].put_nowait(word)

    async def _next(
        self, awaited: str, within_s: float, *, heed_trouble: bool = True
    ) -> Mapping[str, Any] | None:
        """Return the master's next message of this kind; None when it does not come, or there is trouble."""
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(self._words[awaited].get())]
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
    """Return the last line of a text: in a traceback, the one that names the error."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it wrote nothing")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _Pipe:
    """A pipe by which a worker is told one number."""

    def __enter__(self) -> Self:
        self.theirs, self._ours = os.pipe()
        return self

    def tell(self, number: int) -> None:
        with suppress(BrokenPipeError):  # it has ended, which is reported elsewhere
            os.write(self._ours, b"%d\n" % number)

    def __exit__(self, *_: object) -> None:
        os.close(self.theirs)
        os.close(self._ours)


@contextmanager
def _laid_out(path: Path, text: str) -> Iterator[Path]:
    """Write a file that only the user can read; remove it afterwards."""
    with open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text + "\n")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def locust_engine(
    directory: RunDirectory,
    note: Callable[[str], None],
    stranger: Callable[[int, str], None],
    *,
    web: bool = False,
    cores: Cores | None = None,
) -> Engine:
    """Return an engine whose children log into the run directory; with `web`, Locust's web UI shows the load.

    With `cores`, each worker gets a core of its own.
    """

    @asynccontextmanager
    async def engine(spec: LoadSpec) -> AsyncIterator[Load]:
        if spec.expect_workers:
            meeting_place.check_reachable(spec)
            meeting_place.check_free(spec.bind)
        token.check_sealable()
        given = token.given(os.environ) if spec.expect_workers else ""
        joins = given or token.drawn()
        ours, theirs = socket.socketpair()
        async with AsyncExitStack() as stack:
            reader, writer = await asyncio.open_connection(sock=ours)
            stack.callback(writer.close)
            load = _LocustLoad(reader, writer, spec, note, stranger)
            if spec.expect_workers and not given:
                load.token_file = stack.enter_context(_laid_out(directory.path / token.FILE, joins))
            stack.callback(load.leave)

            async def start(
                name: str, log: str, worker: int | None, *arguments: str, numbers: Mapping[str, int]
            ) -> None:
                child = running(
                    [sys.executable, "-m", *arguments],
                    name=name,
                    log=directory.log(log),
                    env={SPEC_VARIABLE: spec.to_json(), token.VARIABLE: joins}
                    | {key: str(fd) for key, fd in numbers.items()},
                    nice=0 if worker is None else COMES_FIRST,
                    cores=() if worker is None or cores is None else (cores.workers[worker],),
                    pass_fds=list(numbers.values()),
                )
                load.children[name] = await stack.enter_async_context(child)
                load.attend(load.mourn(name, load.children[name], worker))

            with ExitStack() as passed:
                numbers = {FD_VARIABLE: passed.enter_context(theirs).fileno()}
                if web:
                    page = passed.enter_context(meeting_place.listen_for_web())
                    numbers[WEB_FD_VARIABLE] = page.fileno()
                    seen_at = f"http://127.0.0.1:{page.getsockname()[1]}"
                await start(MASTER, "locust", None, "harness.load.inside.distributed.master", numbers=numbers)
            # They import Locust at the same time as the master, and are told by a pipe when it listens, and where.
            ports = [stack.enter_context(_Pipe()) for _ in range(spec.workers)]
            for index, port in enumerate(ports):
                name, words = f"worker-{index}", (str(index), meeting_place.near(spec))
                await start(name, name, index, WORKER, *words, numbers={PORT_FD_VARIABLE: port.theirs})
            load.attend(load.listen())
            master = (await load.hear("port", READY_S))["port"]
            for port in ports:
                port.tell(master)
            if web:
                note(f"Locust's web UI, to look at: {seen_at}")
            await load.joined()
            for index in range(spec.workers_all):
                load.attend(load.follow(spool_path(spec.spool_dir, index), index))
            yield load

    return engine
