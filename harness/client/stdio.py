"""A session with a server over its standard input and output, over asyncio: for preflight, discovery and trials.

    async with stdio_client(["npx", "-y", "some-server"], 30.0) as client:
        reply = await client.exchange(request)

The process is a child like any other (`harness.services.processes.process`): in the journal, in a session of its own,
and gone with its family when the block ends. What it writes to its error output is read, and its end is kept: when the
server leaves, that says why.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from harness.client.sequence import drive
from harness.foundation.clock import within
from harness.foundation.untrusted.printable import printable
from harness.mcp import outcome
from harness.mcp.lines import Answer, Lines
from harness.mcp.messages import NO_ANSWERS, Answers, Reply, Request, answer
from harness.run_directory import private_files
from harness.services.processes import server_environment, strays, usage
from harness.services.processes.launch import NOT_STARTED
from harness.services.processes.process import GIVES_WAY, Child, how, running

T = TypeVar("T")
READ_BYTES: Final = 65_536
KEPT_BYTES: Final = 4_096  # of its error output
PAUSE_S: Final = 0.01  # after each 64 KB of it: nobody has to read as fast as it can write
LEAVE_S: Final = 1.0
WORD_CHARS: Final = 100


@dataclass(slots=True)
class StdioClient:
    """One server process, and the conversation with it."""

    timeout_s: float
    _child: Child = field(repr=False)
    _answers: Answers = field(repr=False)
    _lines: Lines = field(default_factory=Lines, repr=False)
    _news: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _said: bytes = b""
    _over: bool = False  # the numbers of its pipes may belong to others
    _ending: "asyncio.Task[None] | None" = field(default=None, repr=False)

    async def exchange(self, request: Request) -> Reply:
        """Send one request, and wait for its reply; a notification is done when it is written."""
        if request.id is not None:
            self._lines.expect(request.id)
        try:
            async with within(self.timeout_s):
                await self._send(request.body)
                if request.id is None:
                    return Reply(outcome.OK)
                number = request.id
                await self._until(lambda: self._lines.known(number))
        except TimeoutError:
            return self._taken(request, Reply(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s"))
        except OSError as error:
            with suppress(TimeoutError):
                async with within(LEAVE_S):
                    await self._until(lambda: self._lines.ended is not None)
            return self._taken(request, Reply(outcome.RESET, error.strerror or str(error)))
        return self._taken(request, Reply(outcome.DISCONNECTED))

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Run a sequence of exchanges to its end."""
        return await drive(self.exchange, sequence)

    def rss_bytes(self) -> int:
        """Return the memory that the process and its descendants hold now."""
        return usage.of_tree(self._child.pid).rss_bytes

    def begin(self) -> None:
        """Read what it writes, whenever it comes."""
        loop = asyncio.get_running_loop()
        _, output, errors = self._child.pipes
        loop.add_reader(output, self._on_output, output)
        loop.add_reader(errors, self._on_errors, errors)
        self._ending = asyncio.create_task(self._until_ended())

    async def end(self) -> None:
        """Let it leave by itself: its input ends."""
        self._over = True
        loop = asyncio.get_running_loop()
        written, output, errors = self._child.pipes
        loop.remove_writer(written)
        self._child.close_input()
        await self._child.ended_within(LEAVE_S)
        for one in (output, errors):
            loop.remove_reader(one)
        if self._ending is not None:
            self._ending.cancel()

    def _taken(self, request: Request, without: Reply) -> Reply:
        answer: Answer | None = self._lines.taken(request.id) if request.id is not None else self._lines.ended
        return without if answer is None else answer.reply

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._news.clear()
            await self._news.wait()

    async def _send(self, message: bytes) -> None:
        left = memoryview(message.replace(b"\n", b" ") + b"\n")
        written = self._child.pipes[0]
        while left and self._lines.ended is None:
            try:
                left = left[os.write(written, left) :]
            except BlockingIOError:
                await self._room(written)

    async def _room(self, written: int) -> None:
        loop, there = asyncio.get_running_loop(), asyncio.Event()
        loop.add_writer(written, there.set)
        try:
            await there.wait()
        finally:
            loop.remove_writer(written)

    def _on_output(self, output: int) -> None:
        try:
            chunk = os.read(output, READ_BYTES)
        except BlockingIOError:
            return
        if not chunk:
            asyncio.get_running_loop().remove_reader(output)
            return
        loop = asyncio.get_running_loop()
        self._lines.feed(chunk, int(loop.time() * 1e9))
        asked, self._lines.asked = self._lines.asked, []
        for message in asked:
            with suppress(OSError):  # it does not read: it shall do without
                os.write(self._child.pipes[0], answer(message, self._answers) + b"\n")
        self._news.set()

    def _on_errors(self, errors: int) -> None:
        loop = asyncio.get_running_loop()
        try:
            chunk = os.read(errors, READ_BYTES)
        except BlockingIOError:
            return
        self._said = (self._said + chunk)[-KEPT_BYTES:]
        loop.remove_reader(errors)
        if chunk and not self._over:
            loop.call_later(PAUSE_S, self._read_on, errors)

    def _read_on(self, errors: int) -> None:
        if not self._over:
            asyncio.get_running_loop().add_reader(errors, self._on_errors, errors)

    async def _until_ended(self) -> None:
        """Say how it ended, with its last words."""
        code = await self._child.wait()
        _, output, errors = self._child.pipes
        for one, read in ((output, self._on_output), (errors, self._on_errors)):
            with suppress(OSError):
                read(one)
        lines = [line for line in self._said.decode(errors="replace").splitlines() if line.strip()]
        word = printable(lines[-1].strip(), WORD_CHARS) if lines else ""
        if code == NOT_STARTED and word.startswith("Cannot start"):
            self._lines.end(outcome.CONNECT, word)
        else:
            self._lines.end(outcome.DISCONNECTED, f"{how(code)}{': ' if word else ''}{word}")
        self._news.set()


@asynccontextmanager
async def stdio_client(
    argv: Sequence[str], timeout_s: float, answers: Answers = NO_ANSWERS
) -> AsyncIterator[StdioClient]:
    """A client whose server has been started; the first exchange says whether it lives."""
    around = server_environment.current()
    child = running(
        argv,
        env=around.env,
        cwd=around.directory,
        name=argv[0],
        log=Path(os.devnull),
        nice=GIVES_WAY,
        umask=private_files.THEIRS,
        piped=True,
    )
    with strays.ended_afterwards():
        async with child as process:
            client = StdioClient(timeout_s, process, answers)
            client.begin()
            try:
                yield client
            finally:
                await client.end()
