"""The janitor, as the harness sees it: start it, watch it, replace it when it dies, and let it end.

    async with watching(run_directory.undo) as undo:       # started first, ends last
        undo.directory(path); undo.process(pid, name)

A janitor that has died is replaced at once: the new one reads the same undo.jsonl, and is told the same
secrets. While there is none, `UndoJournal.unwatched` says so, and no fault is applied. After `REPLACED_MOST`
deaths something must be killing them on purpose, and there is no further replacement.
"""

import asyncio
import json
import os
import select
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import harness
from harness.foundation.errors import ServiceError, not_started
from harness.foundation.secrets import hiding
from harness.run_directory.undo import Ended, UndoJournal
from harness.services.cleanup.janitor import HELLO
from harness.services.cleanup.leftovers import undo_all
from harness.services.processes.process import how
from harness.services.processes.proctable import MARK

HELLO_S: Final = 20.0
LEAVE_S: Final = 5.0
REPLACED_MOST: Final = 5
PART: Final = "janitor"


@asynccontextmanager
async def watching(undo_path: Path) -> AsyncIterator[UndoJournal]:
    """A janitor watches while the body runs; what the body leaves open is undone when it ends."""
    with UndoJournal(undo_path) as undo:
        janitor = WatchedJanitor(undo)
        try:
            await janitor.begin()
            yield undo
        finally:
            await janitor.end()
            if undo.open():
                await asyncio.to_thread(undo_all, undo.path)


@dataclass(slots=True)
class WatchedJanitor:
    """The janitor of one run."""

    undo: UndoJournal
    _process: "subprocess.Popen[bytes] | None" = None
    _telling: ExitStack = field(default_factory=ExitStack)  # tells it each secret that is learnt
    _handle: int = -1
    _died: int = 0
    _following: "asyncio.Task[None] | None" = field(default=None, repr=False)

    async def begin(self) -> None:
        """Start the janitor and wait for its hello: only then does it ignore signals and may others start."""
        process = self._process = _start(self.undo.path)
        if not await asyncio.to_thread(_said_hello, process):
            code = _killed_unless_ended(process)
            _close(process)
            raise not_started(code, PART)(
                "The janitor did not start",
                f"{sys.executable} -m harness.services.cleanup.janitor: {how(code)}",
                "Without it a killed run could leave processes behind; run `harness doctor`",
            )
        self._handle = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._handle, self._ended)
        self._telling.enter_context(hiding.telling(partial(_tell, process)))

    async def end(self) -> None:
        """Let the janitor end with the run; wait first for a replacement that is still starting."""
        if self._following is not None:
            await asyncio.wait({self._following})
        self._look_away()
        if self._process is not None:
            await asyncio.to_thread(_let_go, self._process)

    def _ended(self) -> None:
        """Note that the janitor has ended, and start a replacement; the event loop calls this."""
        self._look_away()
        assert self._process is not None
        code = self._process.poll()
        _close(self._process)
        self._died += 1
        self.undo.unwatched = f"the janitor has ended ({how(code)})"
        self._following = asyncio.ensure_future(self._follow(self._process.pid, how(code)))

    async def _follow(self, pid: int, why: str) -> None:
        """Start another janitor if that is possible; then report the end of the one before."""
        self._process = None
        if self._died <= REPLACED_MOST:
            try:
                await self.begin()
                self.undo.unwatched = ""
            except (ServiceError, OSError):
                self._process = None
        self.undo.unasked(Ended(PART, pid, why, replaced=self._process is not None))

    def _look_away(self) -> None:
        self._telling.close()
        if self._handle >= 0:
            asyncio.get_running_loop().remove_reader(self._handle)
            os.close(self._handle)
            self._handle = -1


def _start(undo_path: Path) -> "subprocess.Popen[bytes]":
    root = str(Path(harness.__file__).parent.parent)
    environment = {key: value for key, value in os.environ.items() if key != MARK}
    process = subprocess.Popen(
        [sys.executable, "-S", "-P", "-m", "harness.services.cleanup.janitor", str(undo_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": root},
        cwd="/",
        start_new_session=True,
    )
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


def _killed_unless_ended(process: "subprocess.Popen[bytes]") -> int:
    """Return its exit code; kill it if it has not ended in time."""
    try:
        return process.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() and 1  # hung, and was not ended by anybody else


def _tell(process: "subprocess.Popen[bytes]", secret: str, label: str) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # it has ended, which is noticed elsewhere, or does not read
        os.write(process.stdin.fileno(), json.dumps({secret: label}).encode() + b"\n")


def _said_hello(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the janitor said hello in time; False also if it ended."""
    assert process.stdout is not None
    there, _, _ = select.select([process.stdout], [], [], HELLO_S)
    return bool(there) and process.stdout.readline() == HELLO


def _let_go(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()
