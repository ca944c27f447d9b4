"""A server as a process of a worker's, with its three pipes on gevent's loop; `harness.mcp.lines` reads its lines.

Everything that it writes is read when it comes, also between calls, so it never waits for a reader. No greenlet
waits in here but those that write or wait for a reply: the loop calls back for the rest.

- A message is written whole, or the process is `broken`: after half a line nothing else could be said.
- The server's requests are answered at once. Where that would block (it does not read), the answer is dropped.
- `began_ns` is when the program's own code began; what comes before it, between fork and exec, is the harness's.
- Closing goes down a ladder: the end of its input, SIGTERM, SIGKILL to its group, then to whatever it left behind.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
import gevent.event

from harness.load.inside.transport.stdio_log import SaidOnError
from harness.mcp import outcome
from harness.mcp.lines import Answer, Lines
from harness.mcp.messages import Reply, answer
from harness.services.processes import piped
from harness.services.processes.piped import Started
from harness.services.processes.process import how

READ_BYTES, ERROR_BYTES = 65_536, 65_536
WHOLE_BYTES = 4_096  # the kernel writes as many to a pipe whole, or not at all
READ, WRITE = 1, 2
END_S = 0.5  # from the end of its output to its own end
LEAVE_S, TERM_S, KILL_S = 1.0, 0.5, 2.0
DRAIN_S = 0.01  # between two reads of an error output that is more than is kept


class StdioProcess:
    """One server process and the conversation with it; several greenlets may call at the same time."""

    def __init__(self, started: Started, log: SaidOnError) -> None:
        loop = gevent.get_hub().loop
        self.lines = Lines()
        self.news = gevent.event.Event()  # set whenever anything has changed
        self.began_ns = 0  # when the program's own code began; 0: not yet
        self.broken = False
        self.used = False  # something was said to it
        self.code: int | None = None  # its exit code, once it has ended
        self.started = started
        self._said = log
        self._writing = gevent.event.Event()  # set while nobody writes
        self._writing.set()
        self._answers: list[bytes] = []  # to be sent when the one who writes has finished
        self._closed = False
        self._watchers: list[Any] = []
        self._timer = loop.timer(END_S)
        self._pause = loop.timer(DRAIN_S)
        self._begin = self._watch(started.gate, self._on_begin)
        self._output = self._watch(started.stdout, self._on_output)
        self._errors = self._watch(started.stderr, self._on_errors)
        self._end = self._watch(started.handle, self._on_end)
        self._input = loop.io(started.stdin, WRITE)
        self._watchers += [self._input, self._timer, self._pause]

    @property
    def is_open(self) -> bool:
        """Whether it can be spoken to."""
        return not (self._closed or self.broken) and self.lines.ended is None

    def wait(self, done: Callable[[], object]) -> None:
        """Wait until `done()`; whoever has a deadline sets `news`."""
        while not done():
            self.news.clear()
            self.news.wait()

    def send(self, message: bytes, overdue: Callable[[], bool]) -> int:
        """Write one message; return its size. OSError if it does not read; TimeoutError when it is overdue."""
        line = message.replace(b"\n", b" ") + b"\n"
        self.wait(lambda: self._writing.is_set() or overdue() or not self.is_open)
        if overdue():
            raise TimeoutError
        self._writing.clear()
        left = memoryview(line)
        try:
            while left and self.is_open:
                try:
                    left = left[os.write(self.started.stdin, left) :]
                except BlockingIOError:
                    self._wait_for_room(overdue)
        except BaseException:
            self.broken = self.broken or len(left) < len(line)
            raise
        finally:
            self._writing.set()
            self.news.set()
        self._flush_answers()
        return len(line) - len(left)

    def tell(self, message: bytes) -> None:
        """Write a message that nobody waits for, if that is possible at once."""
        self._answers.append(message)
        self._flush_answers()

    def close(self, *, kindly: bool) -> None:
        """End the process and what it started; `kindly` gives it time to leave when its input ends. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.lines.end(outcome.DISCONNECTED, "closed")
        self.news.set()
        self._input.stop()
        os.close(self.started.stdin)
        try:
            if kindly and self.code is None and not self._ended_within(LEAVE_S):
                piped.signal_group(self.started, signal.SIGTERM)
                piped.signal_group(self.started, signal.SIGCONT)
                self._ended_within(TERM_S)
        finally:
            self._kill()

    def _kill(self) -> None:
        piped.signal_group(self.started, signal.SIGKILL)
        if self.code is None:
            self._ended_within(KILL_S)
        for watcher in self._watchers:
            watcher.stop()
            watcher.close()
        for one in (self.started.stdout, self.started.stderr, self.started.gate, self.started.handle):
            with suppress(OSError):
                os.close(one)

    def _ended_within(self, seconds: float) -> bool:
        """Wait for its end; return whether it has ended."""
        with gevent.Timeout(seconds, False):
            self.wait(lambda: self.code is not None)
        return self.code is not None

    def _wait_for_room(self, overdue: Callable[[], bool]) -> None:
        room = False

        def there() -> None:
            nonlocal room
            room = True
            self._input.stop()
            self.news.set()

        self._input.start(there)
        self.wait(lambda: room or overdue() or not self.is_open)
        if not self._closed:
            self._input.stop()
        if overdue():
            raise TimeoutError

    def _flush_answers(self) -> None:
        while self._answers and self._writing.is_set() and self.is_open:
            line = self._answers.pop(0) + b"\n"
            if len(line) <= WHOLE_BYTES:
                with suppress(OSError):
                    os.write(self.started.stdin, line)

    def _watch(self, fd: int, callback: Callable[[], None]) -> Any:
        watcher = gevent.get_hub().loop.io(fd, READ)
        watcher.start(callback)
        self._watchers.append(watcher)
        return watcher

    def _on_begin(self) -> None:
        """The gate has hung up."""
        self._begin.stop()
        self.began_ns = time.monotonic_ns()
        self.news.set()

    def _on_output(self) -> None:
        chunk = _read(self.started.stdout, READ_BYTES)
        if chunk is None:
            return
        if not chunk:
            self._output.stop()
            if self.code is None:
                self._timer.start(self._tell_end)
            else:
                self._tell_end()
            return
        self.lines.feed(chunk, time.monotonic_ns())
        asked, self.lines.asked = self.lines.asked, []
        for message in asked:
            self.tell(answer(message))
        self.news.set()

    def _on_errors(self) -> None:
        chunk = _read(self.started.stderr, ERROR_BYTES)
        if chunk is None:
            return
        if not chunk:
            self._errors.stop()
        elif not self._said.take(chunk):  # more than is kept: read on, but not as fast as it can write
            self._errors.stop()
            self._pause.start(self._errors.start, self._on_errors)

    def _on_end(self) -> None:
        self.code = piped.ended(self.started)
        if self.code is None:
            return
        self._end.stop()
        if not self._output.active:
            self._tell_end()
        self.news.set()

    def _tell_end(self) -> None:
        """Say how it ended: its output has."""
        self._timer.stop()
        if self._errors.active:
            self._on_errors()  # its last words may not have been read yet
        if self.code == piped.NOT_STARTED and (why := self._said.not_started()):
            self.lines.end(outcome.CONNECT, why)
        else:
            what = "it closed its output" if self.code is None else how(self.code)
            cut = self.lines.inside_line
            self.lines.end(
                outcome.TRUNCATED if cut else outcome.DISCONNECTED, f"{what}, in mid-line" if cut else what
            )
        self.news.set()


def lost(process: StdioProcess) -> Answer:
    """Return why a process that did not take a message cannot be spoken to."""
    with gevent.Timeout(END_S, False):
        process.wait(lambda: process.lines.ended is not None)
    return process.lines.ended or Answer(Reply(outcome.RESET, "it closed its input"))


def _read(fd: int, bytes_max: int) -> bytes | None:
    """Read from a pipe: None if there is nothing yet, b"" at its end."""
    try:
        return os.read(fd, bytes_max)
    except BlockingIOError:
        return None
    except OSError:
        return b""
