"""A small orchestrator of the tests' own: a server and a worker of the reference service, deployed and stopped by commands as a user has them.

    python -m tests.fakes.orchestrated DIR deploy     another server in the place of the one that serves
    python -m tests.fakes.orchestrated DIR pause      no worker
    python -m tests.fakes.orchestrated DIR resume     a worker

DIR/programs.json says what they are. Each program has a keeper, which ends it when it is told to, or when the test run has ended.
"""

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
READY = {"server": "harness target ready on", "worker": "harness worker ready"}
PATIENCE_S = 60.0


def prepare(place: Path, server: list[str], worker: list[str], env: dict[str, str]) -> None:
    """What will be started; nothing is, yet."""
    said = {"server": server, "worker": worker, "env": env, "owner": os.getpid()}
    place.mkdir(mode=0o700)
    (place / "programs.json").write_text(json.dumps(said))


def line(place: Path, what: str) -> str:
    """The command."""
    return f"cd {shlex.quote(str(ROOT))} && {shlex.join([sys.executable, '-m', 'tests.fakes.orchestrated', str(place), what])}"


def keep(place: Path, name: str) -> None:
    """Until it ends, or this is told to end, or the test run has ended."""
    said: dict[str, Any] = json.loads((place / "programs.json").read_text())
    told, tell = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"x"))
    with (place / f"{name}.log").open("ab") as log:
        program = subprocess.Popen(
            [sys.executable, "-m", "harness.reference", *said[name]],
            env={**os.environ, **said["env"]}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    (place / f"{name}.pid").write_text(str(program.pid))
    watched = [told, os.pidfd_open(program.pid)]
    try:
        watched.append(os.pidfd_open(said["owner"]))
        select.select(watched, [], [])
    except ProcessLookupError:
        pass
    program.terminate()
    program.wait()


def start(place: Path, name: str) -> None:
    log = place / f"{name}.log"
    before = log.read_text().count(READY[name]) if log.exists() else 0
    (place / f"{name}.pid").unlink(missing_ok=True)
    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.orchestrated", str(place), "keep", name],
        cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    (place / f"{name}.keeper").write_text(str(keeper.pid))
    deadline = time.monotonic() + PATIENCE_S
    while not (place / f"{name}.pid").exists() or log.read_text().count(READY[name]) == before:
        if keeper.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{name} did not start: {log.read_text()[-500:]}")
        time.sleep(0.02)


def stop(place: Path, name: str) -> None:
    pid = place / f"{name}.keeper"
    if not pid.exists():
        return
    try:
        keeper = os.pidfd_open(int(pid.read_text()))
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(keeper, signal.SIGTERM)
    select.select([keeper], [], [])
    os.close(keeper)
    pid.unlink()


if __name__ == "__main__":
    where, what = Path(sys.argv[1]), sys.argv[2]
    match what:
        case "keep":
            keep(where, sys.argv[3])
        case "deploy":
            stop(where, "server")
            start(where, "server")
        case "pause":
            stop(where, "worker")
        case "resume":
            start(where, "worker")
        case _:
            stop(where, "server")
            stop(where, "worker")
