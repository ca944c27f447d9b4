"""Every part of a run ended or stopped, in every phase: what is the exit code, what is left, how many calls have no row?

    make kills                        forty of them, a line each
    python -m tests.e2e.kills --first 10 --count 10 --seed 7

The table says which part gets which signal, when, and under which load; the seed draws the moment within that phase. What is checked:
the exit code is one that the docs give for it, never 70; no traceback; the end comes within a bound; nothing is left, neither a process nor a
temporary directory; no run passes in which a part of the measurement was ended; and no call is missed: the server that was loaded counts for
itself, and the run may not know of fewer (`kill -9` of the harness is followed by `harness report`).
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from harness.run_directory.undo import read_open
from harness.services.processes import proctable
from harness.services.toxiproxy import install
from tests.e2e.leftovers import processes_of
from tests.fakes.echo_server import Echo

KILL, TERM, STOP = signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP
KILLS: Final = (
    # part, signal, phase, load
    ("harness", KILL, "starting", "closed"),
    ("harness", KILL, "ramping", "ramp"),
    ("harness", KILL, "steady", "open"),
    ("harness", KILL, "fault on", "closed"),
    ("harness", KILL, "healing", "closed"),
    ("harness", KILL, "reporting", "ramp"),
    ("harness", TERM, "starting", "ramp"),
    ("harness", TERM, "ramping", "ramp"),
    ("harness", TERM, "fault on", "closed"),
    ("harness", TERM, "reporting", "closed"),
    ("harness", STOP, "steady", "closed"),
    ("harness", STOP, "ramping", "ramp"),
    ("worker-0", KILL, "starting", "closed"),
    ("worker-0", KILL, "ramping", "ramp"),
    ("worker-0", KILL, "steady", "open"),
    ("worker-0", KILL, "fault on", "closed"),
    ("worker-0", TERM, "steady", "closed"),
    ("worker-0", TERM, "ramping", "ramp"),
    ("worker-0", STOP, "steady", "closed"),
    ("locust-master", KILL, "starting", "ramp"),
    ("locust-master", KILL, "ramping", "ramp"),
    ("locust-master", KILL, "fault on", "closed"),
    ("locust-master", TERM, "steady", "open"),
    ("locust-master", STOP, "steady", "closed"),
    ("janitor", KILL, "starting", "ramp"),
    ("janitor", KILL, "steady", "open"),
    ("janitor", KILL, "fault on", "closed"),
    ("janitor", TERM, "ramping", "ramp"),
    ("janitor", STOP, "healing", "closed"),
    ("toxiproxy", KILL, "starting", "closed"),
    ("toxiproxy", KILL, "fault on", "closed"),
    ("toxiproxy", KILL, "healing", "closed"),
    ("toxiproxy", TERM, "fault on", "closed"),
    ("toxiproxy", STOP, "fault on", "closed"),
    ("target", KILL, "starting", "closed"),
    ("target", TERM, "ramping", "ramp"),
    ("target", STOP, "steady", "closed"),
    ("postgres", KILL, "starting", "closed"),
    ("postgres", KILL, "ramping", "ramp"),
    ("postgres", TERM, "steady", "open"),
)
LOADS: Final = {
    "ramp": ("ramp", "--max", "6", "--step", "2", "--hold", "2s", "--no-confirm"),
    "closed": ("sustain", "--users", "4", "--for", "6s"),
    "open": ("rate", "--rate", "40/s", "--for", "6s"),
}
AT_S, FOR_S = 1.0, 3.0
FAULT: Final = ("--fault", f"latency:latency=50ms,at={AT_S:g}s,for={FOR_S:g}s")
WITH_FAULT: Final = ("fault on", "healing")
OURS: Final = ("target", "postgres")  # the server under load is the harness's own
# The exit codes that the docs give for it. What ends no part may end as it would have.
UNDISTURBED: Final = {0, 3}
ENDED: Final = {3}
MAY: Final[dict[tuple[str, signal.Signals], set[int]]] = {
    ("harness", KILL): {-9},
    ("harness", TERM): {130},
    ("janitor", KILL): UNDISTURBED,
    ("janitor", TERM): UNDISTURBED,
    ("target", STOP): {0, 1, 3},  # a server that answers late
    ("postgres", TERM): {0, 1, 3},  # it lets those that are connected go on
}
# A machine that is busy with something else: the server did not answer a preflight in time, or a part was not ready. Once more.
BUSY: Final = {3, 4}
TRIES: Final = 3
MARK: Final = "one call of the load"
LATER_S, REPORTING_S, STOPPED_S = 0.8, 0.15, 2.0
THERE_S, ENDS_S, GONE_S = 120.0, 120.0, 60.0
PAUSE_S = 0.01


class TooSoonError(Exception):
    """The run has ended before its phase came, or hangs: nothing was killed."""


@dataclass
class Counted:
    """A server that counts the calls of the load for itself."""

    calls: int = 0
    url: str = ""


class Counting(Echo):
    """One connection to it."""

    counted: Counted
    takes_s = 0.01

    def data_received(self, data: bytes) -> None:
        self.counted.calls += data.count(MARK.encode())
        super().data_received(data)


@dataclass(frozen=True)
class Killed:
    """One run, and what came of it."""

    number: int
    part: str
    signal: signal.Signals
    phase: str
    load: str
    exit_code: int
    lost: int | None  # as the run says; None where it has no report
    wrong: tuple[str, ...]
    not_killed: bool = False  # the run had ended by itself before its phase came

    def line(self) -> str:
        lost = "no report" if self.lost is None else f"{self.lost} without a row"
        said = "well" if not self.wrong else f"WRONG: {'; '.join(self.wrong)}"
        return (
            f"{self.number:>2}  {self.part:<13}  {self.signal.name:<7}  {self.phase:<9}  {self.load:<6}"
            f"  exit {self.exit_code:>3}  {lost:<16}  {said}"
        )


def killed(number: int, place: Path, seed: int, toxiproxy: Path | None) -> Killed:
    """Row `number` of the table."""
    part, what, phase, load = KILLS[number]
    draw = Random(f"{seed}:{number}").random()
    (place / "tmp").mkdir(mode=0o755)
    (place / "bin").mkdir()
    if toxiproxy is not None:
        (place / "bin" / install.PROGRAM).symlink_to(toxiproxy)
    with _server() as counted:
        process = _start(place, part, phase, load, counted.url)
        try:
            run = _until(lambda: next(iter(place.glob("out/*/2*")), None), process)
            _await_phase(part, phase, run, process, draw)
            pid = _until(lambda: _pid(part, run, process), process)
            _hit(pid, what, draw)
            stdout, stderr = process.communicate(timeout=ENDS_S)
            wrong = []
        except (TooSoonError, subprocess.TimeoutExpired) as error:
            ended = process.poll()
            process.kill()
            stdout, stderr = process.communicate()
            why = f"{error!r}, {'it goes on' if ended is None else f'exit {ended}'}: {stderr[-800:]}"
            early = isinstance(error, TooSoonError) and ended in BUSY
            return Killed(number, part, what, phase, load, process.returncode, None, (why,), early)
        finally:
            process.kill()
        started = '"event":"run_started"' in _text(run / "events.jsonl")
        if part == "harness" and what == KILL:
            _until_gone(place, run)
            if started:
                stdout, more, code = _report(run)
                stderr += more
                wrong += [f"harness report: exit {code}"] if code not in _read(phase) else []
        wrong += _wrong(part, what, phase, process.returncode, stdout, stderr)
        summary = _summary(stdout)
        wrong += _rows(summary, counted.calls if part not in OURS else 0)
        wrong += _until_gone(place, run)
    lost = None if summary is None else int(summary["generator"]["lost"])
    return Killed(number, part, what, phase, load, process.returncode, lost, tuple(wrong))


def _start(place: Path, part: str, phase: str, load: str, url: str) -> "subprocess.Popen[str]":
    words = [*LOADS[load], "--no-think", "--timeout", "3s", "--expect-failures", "--json"]
    if part not in OURS:
        words += ["--url", url, "--protocol", "plain", "--call", "echo", "--args", json.dumps({"said": MARK})]
    if phase in WITH_FAULT or part == "toxiproxy":
        words += FAULT
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *words, "--out", str(place / "out")],
        env=_clean() | {"TMPDIR": str(place / "tmp"), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await_phase(part: str, phase: str, run: Path, process: "subprocess.Popen[str]", draw: float) -> None:
    """A moment within it."""
    events = {"ramping": "step_running", "steady": "step_running", "reporting": "run_ended"}
    match phase:
        case "starting":
            if part != "harness":
                _until(lambda: _pid(part, run, process), process)
            time.sleep(draw * LATER_S / (1 if part == "harness" else 8))
        case "fault on":
            _until(lambda: '"event":"fault_on"' in _text(run / "events.jsonl"), process)
            time.sleep(draw * FOR_S / 2)
        case "healing":
            _until(lambda: '"event":"fault_on"' in _text(run / "events.jsonl"), process)
            time.sleep(FOR_S + draw * 0.3)
        case _:
            _until(lambda: f'"event":"{events[phase]}"' in _text(run / "events.jsonl"), process)
            time.sleep(draw * (REPORTING_S if phase == "reporting" else LATER_S))


def _hit(pid: int, what: signal.Signals, draw: float) -> None:
    """What is stopped goes on again."""
    os.kill(pid, what)
    if what == STOP:
        time.sleep(STOPPED_S + draw)
        os.kill(pid, signal.SIGCONT)


def _pid(part: str, run: Path, process: "subprocess.Popen[str]") -> int | None:
    if part == "harness":
        return process.pid
    if part == "janitor":
        return next(
            (pid for pid, line in _children(process.pid) if "harness.services.cleanup.janitor" in line), None
        )
    return next(
        (int(one.data["pid"]) for one in read_open(run / "undo.jsonl") if one.data.get("name") == part), None
    )


def _children(parent: int) -> Iterator[tuple[int, str]]:
    for one in proctable.table().values():
        if one.ppid == parent:
            yield one.pid, _text(Path(f"/proc/{one.pid}/cmdline"))


def _wrong(
    part: str, what: signal.Signals, phase: str, exit_code: int, stdout: str, stderr: str
) -> list[str]:
    """What the docs do not promise."""
    may = MAY.get((part, what), UNDISTURBED if what == STOP else ENDED)
    if phase == "reporting" and what == TERM:
        may = may | UNDISTURBED  # it is written to its end
    found = [] if exit_code in may else [f"exit {exit_code}, not {sorted(may)}: {stderr.strip()[-400:]}"]
    if "Traceback (most recent call last)" in stdout + stderr:
        found.append(f"a traceback: {stderr[-1500:]}")
    return found


def _rows(summary: dict[str, Any] | None, served: int) -> list[str]:
    """A run may not know of fewer calls than its server, nor say that it passed without all of them."""
    if summary is None:
        return []
    generator, found = summary["generator"], []
    if generator["started"] < served:
        found.append(f"the server had {served} calls, the run knows of {generator['started']}")
    if generator["started"] - generator["recorded"] > generator["lost"]:
        found.append(f"{generator}")
    if summary["verdict"] == "pass" and generator["lost"]:
        found.append("it passed without all rows")
    return found


def _read(phase: str) -> set[int]:
    """What `harness report` says of a run that was cut off; of one that had ended, what it would have said."""
    return UNDISTURBED if phase == "reporting" else ENDED


def _report(run: Path) -> tuple[str, str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "harness", "report", str(run), "--json"],
        env=_clean(), capture_output=True, text=True, timeout=ENDS_S, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def _until_gone(place: Path, run: Path) -> list[str]:
    """What is left after a while."""
    deadline = time.monotonic() + GONE_S
    while (left := _left(place, run)) and time.monotonic() < deadline:
        time.sleep(PAUSE_S * 5)
    return left


def _left(place: Path, run: Path) -> list[str]:
    found = [f"LEFT process {pid} ({said})" for pid, said in processes_of(run, place).items()]
    return found + [f"LEFT directory {path.name}" for path in (place / "tmp").iterdir()]


def _summary(stdout: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(stdout))
    except ValueError:
        return None


def _until(there: Callable[[], Any], process: "subprocess.Popen[str]") -> Any:
    deadline = time.monotonic() + THERE_S
    while True:
        over = process.poll() is not None  # asked first: what is waited for may come with the end
        if found := there():
            return found
        if over or time.monotonic() > deadline:
            raise TooSoonError("it ended before its phase came" if over else "its phase did not come")
        time.sleep(PAUSE_S)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    except OSError:
        return ""


@contextmanager
def _server() -> Iterator[Counted]:
    """In a thread of its own."""
    counted = Counted()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        kind = type("Here", (Counting,), {"counted": counted})
        server = await loop.create_server(kind, "127.0.0.1", 0)
        counted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"

    loop.run_until_complete(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield counted
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def _clean() -> dict[str, str]:
    ours = ("HARNESS_", "DATABASE_URL", "TOXIPROXY_", "REDIS_URL", "AMQP_URL")
    found = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return found | {"HARNESS_HISTORY": "off"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=len(KILLS))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    binary = install.found()
    if binary is None:
        sys.exit("No Toxiproxy: harness toxiproxy install")
    well, numbers = 0, range(asked.first, min(asked.first + asked.count, len(KILLS)))
    for number in numbers:
        for _ in range(TRIES):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
                done = killed(number, Path(place), asked.seed, binary.path)
            if not done.not_killed:
                break
            print(f"{done.line()}; once more", flush=True)  # noqa: T201
        well += not done.wrong
        print(done.line(), flush=True)  # noqa: T201 - this is what it is for
    print(f"{well} of {len(numbers)} kills ended as promised")  # noqa: T201
    return 0 if well == len(numbers) else 1


if __name__ == "__main__":
    sys.exit(main())
