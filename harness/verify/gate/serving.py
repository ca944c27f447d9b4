"""Serves the gate until a signal. Each verification is a `harness verify` of its own, which leaves results as any other does.

A process of its own: checks, and verify.yaml, are read as they are then; it can be ended when it does not end; and it dies with the gate.
"""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from harness.foundation.errors import PASSED, UNKNOWN, ServiceError, UsageError
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import show_duration
from harness.foundation.untrusted.printable import lines
from harness.services import pages
from harness.services.cleanup.janitor_process import watching
from harness.services.cleanup.leftovers import PREFIX
from harness.services.processes.process import running
from harness.verify.gate.listen_address import Place
from harness.verify.gate.one_at_a_time import Answer, Turns
from harness.verify.gate.pages import application

RUN_S: Final = 900.0
STOP_S: Final = 20.0
RESULTS: Final = re.compile(r"^Results: (.+)$", re.MULTILINE)
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate verifies, and where it listens."""

    place: Place
    words: tuple[str, ...]  # of `harness verify`
    out: Path
    run_s: float = RUN_S


def serve(gate: Gate, ready: Callable[[str], None]) -> int:
    """Until a signal; `ready` is told the address."""
    return asyncio.run(_serve(gate, ready))


async def _serve(gate: Gate, ready: Callable[[str], None]) -> int:
    stopping = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with TemporaryDirectory(prefix=f"{PREFIX}gate-", ignore_cleanup_errors=True) as place:
        logs = Path(place)
        async with watching(logs / "undo.jsonl") as undo:
            undo.directory(logs)
            await _answering(gate, logs, ready, stopping)
    return PASSED


async def _answering(gate: Gate, logs: Path, ready: Callable[[str], None], stopping: asyncio.Event) -> None:
    numbers = count(1)
    turns = Turns(lambda: _verified(gate, logs / f"{next(numbers)}.log"))
    async with AsyncExitStack() as serving:
        try:
            port = await serving.enter_async_context(
                pages.served(application(turns), gate.place.host, gate.place.port)
            )
        except OSError as error:
            raise UsageError(
                f"Cannot listen at {gate.place.host}:{gate.place.port}",
                error.strerror or str(error),
                "Give another --serve [HOST:]PORT; 0 takes a port that is free",
            ) from error
        try:
            ready(gate.place.url(port))
            await stopping.wait()
        finally:
            await turns.end()


async def _verified(gate: Gate, log: Path) -> Answer:
    argv = [sys.executable, "-P", "-m", "harness", "verify", "--out", str(gate.out), *gate.words]
    starting = partial(running, argv, name="verify", log=log, stop_signal=signal.SIGINT, stop_s=STOP_S)
    try:
        async with starting() as child:
            ended = await child.ended_within(gate.run_s)
        return _read(gate, log, child.returncode if ended else None)
    except (OSError, ServiceError) as error:  # no process, no file, no room to be had
        return _undecided(f"the verification could not be made: {error}", "")


def _read(gate: Gate, log: Path, code: int | None) -> Answer:
    """The result of a verification; without a code it did not end."""
    output = log.read_text(encoding="utf-8", errors="replace")
    log.unlink(missing_ok=True)
    if code is None or code < 0:
        how = f"it was ended after {show_duration(gate.run_s)}" if code is None else f"it was killed ({code})"
        return _undecided(f"the verification did not finish: {how}", output)
    place = RESULTS.findall(output)
    if not place:
        return _undecided(f"nothing was verified (exit code {code})", output, code)
    try:
        kept = Path(place[-1])
        return Answer(code, _text(kept / "summary.md"), _text(kept / "results.json"))
    except OSError as error:
        return _undecided(f"the results cannot be read: {error}", output)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _undecided(why: str, output: str, code: int = UNKNOWN) -> Answer:
    """Nothing that anybody may take for a pass."""
    code = code or UNKNOWN
    last = lines(hide("\n".join(output.strip().splitlines()[-10:])))
    body = json.dumps({"error": hide(why), "exit_code": code, "output": last}, indent=2)
    quoted = "".join(f"    {line}\n" for line in last.splitlines())
    return Answer(code, f"## not verified: {hide(why)}\n\n{quoted}", body + "\n")


def words_of(given: Sequence[tuple[Sequence[str], object]]) -> tuple[str, ...]:
    """The words of a command line for options and what was given for them; a flag has no value, a list is said one by one."""
    words: list[str] = []
    for names, value in given:
        long = next((name for name in names if name.startswith("--")), None)
        values = value if isinstance(value, tuple | list) else [value]
        for each in values:
            if each is True:
                words.append(long or names[0])
            elif each is not None and each is not False:
                words += [f"{long}={each}"] if long else [names[0], str(each)]
    return tuple(words)
