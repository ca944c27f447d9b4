"""One user's session with a stdio server: a process of its own, or one that it shares with others.

    connection.start()          # a process; back when the program's own code has begun
    connection.exchange(...)    # the first one is not `reused`: its time is the start-up
    connection.opened(session)  # now others may share the process, and its session

Not more than a few processes of a worker start at the same time (`StdioServers.starting`), until their first
exchange is over: a start takes more of a processor than any call.

A call that is not answered in time is cancelled, and the process goes on: a late reply is ignored. If it could not
take the whole request, or did not answer `initialize`, it is ended. Nothing is retried.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import gevent.lock

from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.measured_exchange import Exchanged
from harness.load.inside.transport.stdio_log import ErrorLog, SaidOnError
from harness.load.inside.transport.stdio_process import StdioProcess, lost
from harness.mcp import outcome
from harness.mcp.dialects import Session
from harness.mcp.lines import Answer
from harness.mcp.messages import Reply, Request, cancellation
from harness.run_directory.schema import NULL
from harness.services.processes import piped, strays
from harness.services.processes.piped import Place

STARTS_AT_ONCE = 4
ENDED = Reply(outcome.DISCONNECTED, "its process has ended")
WRITTEN = Reply(outcome.OK)
CLOSE_AFTER = outcome.CONNECTION_FAILURES - {outcome.TIMEOUT}
OPENING = "initialize"


@dataclass(slots=True)
class StdioServers:
    """The server processes of a worker: what starts them, and those that run."""

    command: Sequence[str]
    place: Place
    log: ErrorLog
    starts_at_once: int = STARTS_AT_ONCE
    users_per_process: int = 1
    noise: int = 0  # lines that were no messages, of processes that have ended
    alive: set[StdioProcess] = field(default_factory=set)
    starting: gevent.lock.BoundedSemaphore = field(init=False)
    _connections: int = 0
    _newest: "Shared | None" = None

    def __post_init__(self) -> None:
        self.starting = gevent.lock.BoundedSemaphore(self.starts_at_once)
        strays.adopt()

    def shared(self) -> "Shared":
        """Return what a new user shares with the users before it."""
        if self._newest is None or not self._connections % self.users_per_process:
            self._newest = Shared()
        self._connections += 1
        return self._newest

    def start(self) -> StdioProcess:
        """Start another process; OSError when that is not possible."""
        started = piped.start(self.command, self.place)
        process = StdioProcess(started, SaidOnError(self.log, f"process {started.pid}"))
        self.alive.add(process)
        return process

    def lines_of_noise(self) -> int:
        """Return how many lines on the standard outputs were no messages until now."""
        return self.noise + sum(process.lines.noise for process in self.alive)

    def end(self, process: StdioProcess, *, kindly: bool) -> None:
        """End a process, and what it left behind."""
        try:
            process.close(kindly=kindly)
        finally:
            if process in self.alive:
                self.alive.discard(process)
                self.noise += process.lines.noise
                piped.forget(process.started)
                piped.end_strays()


def servers_of(
    command: Sequence[str],
    environment: Mapping[str, str],
    cores: Sequence[int],
    log: Path | None,
    nice: int = 0,
) -> StdioServers:
    """Return the servers of a worker, none of which runs."""
    return StdioServers(command, Place(environment, cores, nice), ErrorLog(log))


class _Call:
    """One call under way, with its deadline."""

    __slots__ = ("deadline_ns", "expired", "process")

    def __init__(self, process: StdioProcess, deadline_ns: int) -> None:
        self.process, self.deadline_ns, self.expired = process, deadline_ns, False

    def shut(self) -> None:
        """Wake the one who waits; the sweep calls this."""
        self.process.news.set()

    def is_overdue(self) -> bool:
        return self.expired


@dataclass(slots=True, eq=False)
class Shared:
    """A process, its session, and the users that share them; usually one."""

    opening: gevent.lock.BoundedSemaphore = field(default_factory=gevent.lock.BoundedSemaphore)  # the session
    process: StdioProcess | None = None
    session: Session | None = None  # once it is open
    number: int = 0  # of the session
    users: "set[StdioConnection]" = field(default_factory=set)


class StdioConnection:
    """A user's way to a process; not shared between greenlets."""

    def __init__(self, servers: StdioServers, deadlines: Deadlines, timeout_s: float) -> None:
        self._servers = servers
        self._deadlines = deadlines
        self._timeout_ns = int(timeout_s * 1e9)
        self._shared = servers.shared()
        self._process: StdioProcess | None = None
        self._why_not = ENDED  # when there is no process
        self._starting = False  # and takes one of the places for those that do
        self._opening = False  # the session, for all that share it

    @property
    def is_open(self) -> bool:
        return self._process is not None and self._process.is_open

    @property
    def pid(self) -> int | None:
        """The pid of its process; None when there is none."""
        return None if self._process is None else self._process.started.pid

    def start(self) -> tuple[Session, int] | None:
        """Start a process when it is our turn, and wait until its own code begins; or join a session that is open.

        Return that session with its number; None when a session is to be opened. What came of a start is told by the
        next exchange, and whoever opens a session says what came of that (`opened`).
        """
        self.close()
        shared = self._shared
        shared.opening.acquire()
        self._opening = True
        if shared.process is not None and shared.process.is_open and shared.session is not None:
            self._process = shared.process
            shared.users.add(self)
            self._done_opening()
            return shared.session, shared.number
        try:
            self._servers.starting.acquire()
            self._starting = True
            self._begin(shared)
        except BaseException:  # the user is being stopped
            self.close(kindly=False)
            raise
        return None

    def opened(self, session: Session | None, number: int) -> None:
        """Say that this session is open, for others to join; None: it could not be opened."""
        self._shared.session, self._shared.number = session, number
        if session is None:
            self.close(kindly=False)
        self._done_opening()

    def exchange(self, request: Request, *, target: str = "") -> Exchanged:
        """Make one attempt; a notification is done when it is written. `target` is ignored."""
        del target
        sent_ns = time.monotonic_ns()
        if self._process is None:
            return _nothing(self._why_not, sent_ns)
        reused, self._process.used = self._process.used, True
        try:
            return self._exchanged(self._process, request, sent_ns, reused=reused)
        finally:
            self._started()

    def close(self, *, kindly: bool = True) -> None:
        """Leave the process, and end it unless others use it; idempotent."""
        process, self._process = self._process, None
        self._why_not = ENDED
        shared = self._shared
        shared.users.discard(self)
        try:
            if process is not None and not (process.is_open and shared.users):
                if shared.process is process:
                    shared.process = shared.session = None
                self._servers.end(process, kindly=kindly)
        finally:
            self._started()
            self._done_opening()

    def _begin(self, shared: Shared) -> None:
        try:
            process = self._process = shared.process = self._servers.start()
        except OSError as error:
            self._why_not = Reply(outcome.CONNECT, error.strerror or str(error))
            self._started()
            return
        shared.session = None
        shared.users.add(self)
        call = _Call(process, time.monotonic_ns() + self._timeout_ns)
        self._deadlines.watch(call)
        try:
            process.wait(lambda: process.began_ns or call.expired)
        finally:
            self._deadlines.forget(call)

    def _done_opening(self) -> None:
        """Let others of the same process go on."""
        if self._opening:
            self._opening = False
            self._shared.opening.release()

    def _exchanged(self, process: StdioProcess, request: Request, sent_ns: int, *, reused: bool) -> Exchanged:
        call = _Call(process, sent_ns + self._timeout_ns)
        self._deadlines.watch(call)
        out, number, answer = 0, request.id, None
        try:
            if number is not None:
                process.lines.expect(number)
            out = process.send(request.body, call.is_overdue)
            if number is not None:
                process.wait(lambda: process.lines.known(number) or call.expired)
        except TimeoutError:
            process.broken = process.broken or not reused
        except OSError:
            answer = lost(process)
        except BaseException:  # the user is being stopped in mid-call
            if number is not None:
                process.lines.taken(number)
            self.close(kindly=False)
            raise
        finally:
            self._deadlines.forget(call)
        answer = (process.lines.taken(number) if number is not None else process.lines.ended) or answer
        if answer is None:
            answer = Answer(self._late(process, request) if number is not None or call.expired else WRITTEN)
        reply = answer.reply
        done_ns = (
            time.monotonic_ns()
            if reply.outcome in outcome.CONNECTION_FAILURES or not answer.size
            else answer.last_ns
        )
        first_ns = max(answer.first_ns, sent_ns) if answer.size else NULL
        if reply.outcome in CLOSE_AFTER or not process.is_open:
            self.close(kindly=False)
        return Exchanged(reply, sent_ns, first_ns, max(done_ns, first_ns), out, answer.size, reused)

    def _started(self) -> None:
        """Leave the place among those that start to another."""
        if self._starting:
            self._starting = False
            self._servers.starting.release()

    def _late(self, process: StdioProcess, request: Request) -> Reply:
        """Give a call up."""
        if request.operation == OPENING:
            process.broken = True  # it can only be begun once
        elif request.id is not None and process.is_open:
            process.tell(cancellation(request.id))
        return Reply(outcome.TIMEOUT, "no answer in time")


def _nothing(reply: Reply, sent_ns: int) -> Exchanged:
    """Return an exchange without any bytes."""
    return Exchanged(reply, sent_ns, NULL, time.monotonic_ns(), 0, 0, reused=False)


def environment_without(names: Sequence[str]) -> dict[str, str]:
    """Return our environment without these variables, which are the harness's own."""
    return {name: value for name, value in os.environ.items() if name not in names}
