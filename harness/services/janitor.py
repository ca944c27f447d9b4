"""The janitor: a process of its own that cleans up after the harness, however the harness dies.

    async with watching(run_directory.undo) as undo:       # started first, ends last
        undo.directory(path); undo.process(pid, name)

It holds one end of a pipe whose other end only its parent has. When the pipe ends, the parent has left or was
killed; undo.jsonl tells which. Everything that it still lists is undone, within three seconds, and janitor.log
in the run directory says what was done, and no secret stays in the logs of those that it has ended: through the
same pipe it was told of them. When it lists nothing the janitor just leaves.

It lives in a session of its own and ignores what a terminal or a service manager sends: it ends by its own will,
within seconds of its parent. `python -m harness.services.janitor UNDO_JSONL` imports the standard library only.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import harness
from harness import hiding
from harness.errors import ServiceError
from harness.record import hidden_log
from harness.record.undo import Ended, Journal, read_open
from harness.services.leftovers import clean, undo_all
from harness.services.proctable import MARK

__all__ = ["clean", "watching"]

HELLO = b"watching\n"
LEAVE_S = 5.0
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


def main(undo_path: Path, pipe: int = 0, out: int = 1) -> int:
    """Wait for the end of the pipe, then undo what is left."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.write(out, HELLO)
    heard = bytearray()
    while piece := os.read(pipe, 65536):
        heard += piece
    if not read_open(undo_path):
        return 0
    _hear(heard)
    log = undo_path.with_name("janitor.log")
    try:
        said = undo_all(undo_path)
    except Exception:  # nobody is left to tell but the log
        said = ["LEFT: the janitor itself failed", traceback.format_exc()]
    with log.open("a", encoding="utf-8") as file:
        file.write("\n".join(said) + "\n")
    hidden_log.clean(undo_path.parent)
    return int(any(line.startswith("LEFT") for line in said))


def _hear(lines: bytes | bytearray) -> None:
    """Secrets, one a line; the last line may have been cut by the end of whoever wrote it."""
    for line in lines.splitlines():
        with suppress(ValueError):
            hiding.hear(json.loads(line))


@asynccontextmanager
async def watching(undo_path: Path) -> AsyncIterator[Journal]:
    """A janitor watches while the body runs; what the body leaves open is undone when it ends."""
    import asyncio  # the janitor itself has no use for it

    with Journal(undo_path) as undo:
        janitor = _start(undo.path)
        try:
            await asyncio.to_thread(_await_hello, janitor)
            with _watched(janitor, undo), hiding.telling(partial(_tell, janitor)):
                yield undo
        finally:
            await asyncio.to_thread(_let_go, janitor)
            if undo.open():
                undo_all(undo.path)


def _start(undo_path: Path) -> "subprocess.Popen[bytes]":
    root = str(Path(harness.__file__).parent.parent)
    environment = {key: value for key, value in os.environ.items() if key != MARK}
    janitor = subprocess.Popen(
        [sys.executable, "-S", "-P", "-m", "harness.services.janitor", str(undo_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": root},
        cwd="/",
        start_new_session=True,
    )
    assert janitor.stdin is not None
    os.set_blocking(janitor.stdin.fileno(), False)
    return janitor


def _await_hello(janitor: "subprocess.Popen[bytes]") -> None:
    """It ignores signals from its hello on; nothing is started before."""
    assert janitor.stdout is not None
    if janitor.stdout.readline() != HELLO:
        raise ServiceError(
            "The janitor did not start",
            f"{sys.executable} -m harness.services.janitor ended with exit code {janitor.wait()}",
            "Without it a killed run could leave processes behind; run `harness doctor`",
        )


def _tell(janitor: "subprocess.Popen[bytes]", secret: str, label: str) -> None:
    assert janitor.stdin is not None
    with suppress(OSError):  # it has ended, which is noticed elsewhere, or does not read
        os.write(janitor.stdin.fileno(), json.dumps({secret: label}).encode() + b"\n")


@contextmanager
def _watched(janitor: "subprocess.Popen[bytes]", undo: Journal) -> Iterator[None]:
    """Whoever listens to the journal is told when it ends: the kernel says so."""
    import asyncio

    from harness.services.process import how  # it imports more than the standard library

    loop, handle = asyncio.get_running_loop(), os.pidfd_open(janitor.pid)

    def ended() -> None:
        loop.remove_reader(handle)
        undo.unasked(Ended("janitor", janitor.pid, how(janitor.poll())))

    loop.add_reader(handle, ended)
    try:
        yield
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _let_go(janitor: "subprocess.Popen[bytes]") -> None:
    assert janitor.stdin is not None
    assert janitor.stdout is not None
    janitor.stdin.close()
    try:
        janitor.wait(LEAVE_S)
    except subprocess.TimeoutExpired:
        janitor.kill()
        janitor.wait()
    janitor.stdout.close()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
