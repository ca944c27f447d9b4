"""Children: each in a session of its own, dying with us, announced in undo.jsonl before its program starts.

    async with running(["program"], name="part", log=path, ready=port(8000)) as child:
        ...

- A session of its own: a terminal's Ctrl-C reaches the harness only.
- The kernel ends the child when the *thread* that started it ends, so children are started from the main thread.
- Between fork and its own program stands `launch.py`: no program starts that is not written down.
- If a child is a `part` of the run, is ready, and ends without having been asked to, that is reported at
  once.
- Ending goes down a ladder: the stop signal to its process group, a bounded wait, then SIGKILL to its family,
  until none of it is left.

It does not know which part the child is, nor what "ready" means for it.
"""

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from harness.foundation.clock import within
from harness.foundation.environment import for_others
from harness.foundation.errors import ServiceError, not_started
from harness.run_directory.undo import Ended, Entry, journal, start_ticks
from harness.services.processes import launch, proctable
from harness.services.processes.proctable import MARK, Process
from harness.services.processes.readiness import Ready, size, text_of, until

# The target runs at a lower priority than the load: a load generator that waits for a processor measures
# itself.
GIVES_WAY = 10
COMES_FIRST = -5  # where that is allowed
READY_S, STOP_S, SWEEP_S = 30.0, 5.0, 2.0
TAIL_LINES, TAIL_CHARS = 15, 4000
SERVER = "server"  # the part that is a program of the user's
LAST_WORDS = 3  # lines
TRACEBACK = "Traceback (most recent call last)"
DOCTOR = "`harness doctor` says what is missing"
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")  # colours and their like


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user and group that a child runs as."""

    uid: int
    gid: int


@dataclass(slots=True)
class Child:
    """A child that was started; its program may have ended since."""

    name: str
    pid: int
    start_ticks: int
    log: Path
    log_offset: int  # where in the log this start of it begins
    stop_signal: int
    mark: str  # in its environment, and so in that of its descendants
    part: str  # which part of the run it is; "": it may end at any time
    _process: "subprocess.Popen[bytes]"
    asked: bool = False  # to end, by us
    ready: bool = False
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pipes(self) -> tuple[int, int, int]:
        """Our ends of its input, output and error output, when it was started `piped`; they do not block."""
        files = (self._process.stdin, self._process.stdout, self._process.stderr)
        assert all(file is not None for file in files)
        return files[0].fileno(), files[1].fileno(), files[2].fileno()  # type: ignore[union-attr]

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal when one ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait until it has ended, without a limit; return its exit code."""
        await self._ended.wait()
        return self._process.wait()

    async def ended_within(self, seconds: float) -> bool:
        """Wait at most `seconds` for its end; return whether it has ended."""
        with suppress(TimeoutError):
            async with within(seconds):
                await self._ended.wait()
        return self._ended.is_set()

    def signal(self, number: int) -> None:
        """Send a signal to the program alone, not to its children; do nothing when it has ended."""
        if self.returncode is None:
            self._process.send_signal(number)

    async def stop(self, within_s: float = STOP_S) -> None:
        """End the child and its family, by force if needed.

        If it had already ended, it was not `asked` to.
        """
        self.asked = self.asked or self._process.poll() is None
        before = self._family()
        try:
            if self.returncode is None:
                self._signal_group(self.stop_signal)
                self._signal_group(signal.SIGCONT)  # a child that was paused can only end when it goes on
                await self.ended_within(within_s)
            await self._sweep(before)
        except BaseException:  # a second interruption cut the wait short
            self._kill_at_once(before)
            raise

    async def kill(self) -> None:
        """Kill the child and its family with SIGKILL."""
        self.asked = True
        await self._sweep(self._family())

    def close_input(self) -> None:
        """End its input, when it was started `piped`; idempotent."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def close_pipes(self) -> None:
        """Close our ends of its pipes, if there are any; idempotent."""
        self.close_input()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def log_text(self) -> str:
        """Return what it has written to its log since this start."""
        return text_of(self.log, self.log_offset)

    def log_tail(self) -> str:
        """Return the end of its log, short enough for an error message, without control characters."""
        lines = self.log_text()[-TAIL_CHARS:].splitlines()[-TAIL_LINES:]
        return "\n".join(map(_printable, lines)).strip()

    def last_words(self) -> str:
        """Return the end of its log for an error message.

        For a part of ours that is one line; if the log ends in a traceback, the line that names the error."""
        tail = self.log_tail() or "It wrote nothing."
        if self.part in {"", SERVER}:
            return tail
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        return lines[-1] if TRACEBACK in tail else " ".join(lines[-LAST_WORDS:])

    def told(self) -> Ended:
        """Return how it has ended."""
        return Ended(
            self.part,
            self.pid,
            how(self.returncode),
            self.log_tail(),
            left=len([each for each in self._family() if each.pid != self.pid]),
            in_order=self.returncode == 0,
        )

    def _family(self) -> set[Process]:
        processes = proctable.table()
        root = (self.pid, self.start_ticks)
        return proctable.family([root], processes) | proctable.marked(self.mark, processes)

    def _signal_group(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it leads its group, so the group's number is its pid
            os.killpg(self.pid, number)

    async def _sweep(self, before: set[Process]) -> None:
        """Send SIGKILL until nothing is left, also to those of `before` that have left the family since."""
        with suppress(TimeoutError):
            async with within(SWEEP_S):
                while left := self._left(before):
                    for process in left:
                        proctable.send(process, signal.SIGKILL)
                    await asyncio.sleep(0.01)
                await self._ended.wait()

    def _left(self, before: set[Process]) -> list[Process]:
        """Return what still runs, the program itself first, lest it react to the death of its children."""
        left = self._family() | {each for each in before if proctable.is_alive(each.pid, each.start_ticks)}
        return sorted(left, key=lambda each: each.pid != self.pid)

    def _kill_at_once(self, before: set[Process]) -> None:
        """Kill all of it without awaiting, after a second interruption.

        This blocks until SIGKILL has worked.
        """
        for process in self._left(before):
            proctable.send(process, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SWEEP_S)


@asynccontextmanager
async def running(
    argv: Sequence[str],
    *,
    name: str,
    log: Path,
    ready: Ready | None = None,
    ready_s: float = READY_S,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: RunAs | None = None,
    stop_signal: int = signal.SIGTERM,
    stop_s: float = STOP_S,
    death_signal: int = signal.SIGKILL,
    nice: int = 0,
    cores: Sequence[int] = (),
    pass_fds: Sequence[int] = (),
    part: str = "",
    umask: int = -1,
    piped: bool = False,
) -> AsyncIterator[Child]:
    """Start a child, wait until it is ready, end it afterwards. `env` is added to ours; "" is a value there.

    `death_signal` is what the kernel sends it when we die, and what the janitor tries before SIGKILL. A child with
    a `nice` above zero gives way to others when processors are short; one below zero comes first, where that is
    allowed. It runs on these `cores`; on ours when none are named. Its files have our `umask`, unless another is given.
    One that is `piped` has `pipes` instead of a log.
    """
    child, entry = _start(
        argv,
        name,
        log,
        env or {},
        cwd,
        user,
        stop_signal,
        death_signal,
        nice,
        cores,
        pass_fds,
        part,
        umask,
        piped=piped,
    )
    stop_watching = _watch(child)
    try:
        if ready is not None:
            await _until_ready(child, ready, ready_s)
        child.ready = True
        yield child
    finally:
        try:
            await child.stop(stop_s)
        finally:
            stop_watching()
            child.close_pipes()
            if child.returncode is not None:
                entry.done()


def _start(
    argv: Sequence[str],
    name: str,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None,
    user: RunAs | None,
    stop_signal: int,
    death_signal: int,
    nice: int,
    cores: Sequence[int],
    pass_fds: Sequence[int],
    part: str,
    umask: int,
    *,
    piped: bool,
) -> tuple[Child, Entry]:
    """Start the launcher, write the child down in undo.jsonl, then let the program start."""
    if threading.current_thread() is not threading.main_thread():
        raise ServiceError(
            f"Cannot start {name} from a thread",
            "A child dies with the thread that started it",
            "Run the event loop that starts services in the main thread",
        )
    gate, opener = os.pipe()
    try:
        who = user or RunAs(launch.KEEP, launch.KEEP)
        numbers = (gate, os.getpid(), int(death_signal), who.uid, who.gid, nice)
        where = ",".join(map(str, cores)) or launch.INHERITED
        launcher = [sys.executable, "-I", "-S", launch.__file__, *map(str, numbers), where]
        announced = journal()
        log_offset, mark = size(log), f"{announced.path}#{secrets.token_hex(4)}"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*launcher, *argv],
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else output,
                stderr=subprocess.PIPE if piped else output,
                bufsize=0,
                env={**for_others(), **env, MARK: mark},
                cwd=cwd,
                start_new_session=True,
                pass_fds=(gate, *pass_fds),
                umask=umask,
            )
        try:
            entry = announced.process(process.pid, name, death_signal)
        except BaseException:
            process.kill()
            process.wait()
            raise
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        os.write(opener, b"g")
    finally:
        os.close(gate)
        os.close(opener)
    ticks = start_ticks(process.pid)
    return Child(name, process.pid, ticks, log, log_offset, stop_signal, mark, part, process), entry


def _watch(child: Child) -> Callable[[], None]:
    """Have the event loop report the child's end, without a thread or polling.

    Returns the call that stops it.
    """
    loop = asyncio.get_running_loop()
    in_force = journal()
    handle = os.pidfd_open(child.pid)
    watching = True

    def stop() -> None:
        nonlocal watching
        if watching:
            watching = False
            loop.remove_reader(handle)
            os.close(handle)

    def ended() -> None:
        child._process.poll()  # noqa: SLF001 - this function is half of Child
        child._ended.set()  # noqa: SLF001
        stop()
        if child.part and child.ready and not child.asked:
            in_force.unasked(child.told())

    loop.add_reader(handle, ended)
    return stop


async def _until_ready(child: Child, ready: Ready, ready_s: float) -> None:
    async def pause(seconds: float) -> None:
        if await child.ended_within(seconds):
            raise not_started(child.returncode, child.part)(
                f"{child.name} ended before it was ready: {how(child.returncode)}",
                child.last_words(),
                DOCTOR,
                child.log,
            )

    try:
        await until(ready, ready_s, pause)
    except ServiceError as error:
        if child.returncode is not None:
            raise
        raise not_started(None, child.part)(
            f"{child.name} did not get ready. {error.what}",
            f"{error.why}\n{child.last_words()}",
            DOCTOR,
            child.log,
        ) from error


def how(returncode: int | None) -> str:
    """Return how a process has ended, in words."""
    if returncode is not None and returncode < 0:
        return f"killed by signal {-returncode} ({signal.Signals(-returncode).name})"
    return f"exit code {returncode}"


def _printable(line: str) -> str:
    """Return the line without control characters, so that a program's output cannot alter the terminal."""
    return "".join(char if char.isprintable() else " " for char in _ESCAPES.sub("", line))
