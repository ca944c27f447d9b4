"""One input against the real thing, within a bound, and what must never come of it.

    outcome = command(["plan", "s.yaml"])       in this process, both streams caught
    wrong(outcome)                              sentences: exit 70, a traceback, a secret, a control character, a hang

The bound is of processor time, so that a busy machine hangs nobody; an alarm of the wall clock is behind it, for what waits.
A run that passes every check ends where it would make its directory: nothing is started, no name is looked up.
"""

import io
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any, Final

from harness.cli import main, serving
from harness.conduct import run
from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding
from tests.fuzz.grammar import SECRET

PROCESSOR_S: Final = 20.0
WALL_S: Final = 240
CODES: Final = frozenset({0, 1, 2, 3, 4, 5, 6, 8, 130})
ERROR_CHARS_MOST: Final = 20_000
# Whatever is no text of one's own: the beginning of an escape sequence, a bell, a backspace. Lines may end.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COMMAND: Final = re.compile(r"^\s*::|##\[", re.MULTILINE)


class HangError(BaseException):
    """It took too long; no `except Exception` may stop it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command."""

    code: int | str  # an exception that got out, by its name
    out: str
    err: str
    processor_s: float
    machine: bool  # what was printed is for a program


@contextmanager
def bounded(processor_s: float = PROCESSOR_S) -> Iterator[None]:
    """HangError inside, when that was used up."""

    def ring(*_: object) -> None:
        raise HangError

    before = [signal.signal(number, ring) for number in (signal.SIGPROF, signal.SIGALRM)]
    signal.setitimer(signal.ITIMER_PROF, processor_s)
    signal.alarm(WALL_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in zip((signal.SIGPROF, signal.SIGALRM), before, strict=True):
            signal.signal(number, handler)


def command(argv: Sequence[str], environ: dict[str, str] | None = None) -> Outcome:
    """A command line, to its end."""
    out, err = io.StringIO(), io.StringIO()
    kept = dict(os.environ)
    began_s = time.process_time()
    code: int | str
    try:
        os.environ.update(environ or {})
        with bounded(), redirect_stdout(out), redirect_stderr(err), _harmless():
            code = main.run(argv)
    except HangError:
        code = "hang"
    except BaseException as error:  # whatever gets out is a finding
        code = f"{type(error).__name__}: {error}"[:300]
    finally:
        os.environ.clear()
        os.environ.update(kept)
        hiding.forget()
    for_machines = "--json" in argv or "--format" in argv
    return Outcome(code, out.getvalue(), err.getvalue(), time.process_time() - began_s, for_machines)


def wrong(outcome: Outcome) -> list[str]:
    """What must never happen, of what has."""
    found = []
    if outcome.code not in CODES:
        found.append(f"it ended with {outcome.code}")
    if outcome.code == 2 and "Error: " not in outcome.err and "Usage: " not in outcome.out:
        found.append("exit 2 without an error")
    for name, text in (("standard output", outcome.out), ("standard error", outcome.err)):
        if "Traceback (most recent call last)" in text:
            found.append(f"a traceback on {name}")
        if SECRET in text or SECRET[:12] in text:
            found.append(f"the secret on {name}")
    for name, text in (
        ("standard error", outcome.err),
        *([] if outcome.machine else [("standard output", outcome.out)]),
    ):
        if shown := _CONTROL.search(text):
            found.append(f"a control character on {name}: {shown[0]!r}")
        if _COMMAND.search(text):
            found.append(f"a line that a CI obeys on {name}")
    if len(outcome.err) > ERROR_CHARS_MOST:
        found.append(f"{len(outcome.err):,} characters on standard error")
    return found


@contextmanager
def _harmless() -> Iterator[None]:
    """Nothing starts and nobody is asked: what would begin a run, or a server, is told that the checks are over."""
    kept = (run._conduct, serving._serve, socket.getaddrinfo)
    run._conduct = _over  # type: ignore[assignment]
    serving._serve = _over  # type: ignore[assignment]
    socket.getaddrinfo = _no_names(kept[2])
    try:
        yield
    finally:
        run._conduct, serving._serve, socket.getaddrinfo = kept


async def _over(*_: object) -> Any:
    raise UsageError("Every check was passed", "Nothing is run here", "")


def _no_names(ask: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers stand for themselves; a name is never looked up."""

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        if not isinstance(host, str) or host in {"localhost", ""} or re.fullmatch(r"[0-9a-f.:]+", host):
            return ask(host, *rest, **more)
        raise socket.gaierror(socket.EAI_NONAME, "names are not looked up here")

    return answer
