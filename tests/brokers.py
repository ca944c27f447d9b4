"""A real Redis and a real RabbitMQ for the tests, as a run of the harness starts them.

RabbitMQ takes ten seconds to start, so the workers of one test run share one: `shared`. It belongs to none of them. A
process beside them, this module as a program, starts it and ends it when the test run has ended, however that happens.
Its management plugin is on when the package has it; then `management_url` carries the password too.

What is in a shared server is shared: take names that nobody else takes, and remove what you made.
"""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from harness.run_directory.undo import UndoJournal
from harness.services.backends import rabbitmq
from harness.services.backends import redis as redis_service
from harness.services.backends.rabbitmq import Broker
from harness.services.processes import programs

ROOT = Path(__file__).parents[1]
ANSWER = "answer.json"
KEEPERS: "list[subprocess.Popen[bytes]]" = []  # nobody waits for them: they end after this process


@asynccontextmanager
async def redis(place: Path) -> AsyncIterator[Broker]:
    """Nothing of it is kept on disk."""
    async with redis_service.started(place, place) as url:
        yield Broker(url)


def are_installed(kind: str) -> bool:
    """Whether the programs of that kind are on this machine."""
    return programs.found(*PROGRAMS[kind]) is not None


def shared(kind: str, place: Path, test_run: int) -> Broker:
    """The one of all workers of a test run; `test_run` is the process whose end ends it."""
    place.mkdir(exist_ok=True)
    answer = place / ANSWER
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            start_keeper(kind, place, test_run)
        return Broker(**json.loads(answer.read_text()))


def start_keeper(kind: str, place: Path, test_run: int) -> None:
    log = place / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.brokers", kind, str(place), str(test_run)],
            cwd=ROOT,
            # It outlives the test run by a moment: its coverage would come too late.
            env={key: value for key, value in os.environ.items() if not key.startswith("COV")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    KEEPERS.append(keeper)
    deadline = time.monotonic() + rabbitmq.START_S + 15
    while not (place / ANSWER).exists():
        assert keeper.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


async def keep(kind: str, place: Path, test_run: int) -> None:
    """Until that process is gone, or somebody ends this one."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    loop.add_reader(os.pidfd_open(test_run), ended.set)
    with UndoJournal(place / "undo.jsonl"):
        async with KINDS[kind](place) as broker:
            aside = place / "aside"
            aside.write_text(json.dumps(asdict(broker)))
            aside.rename(place / ANSWER)
            await ended.wait()
            (place / ANSWER).unlink()


@asynccontextmanager
async def queue(place: Path) -> AsyncIterator[Broker]:
    """RabbitMQ."""
    async with rabbitmq.started(place, place, management=True) as broker:
        yield broker


KINDS = {"redis": redis, "rabbitmq": queue}
PROGRAMS = {"redis": (redis_service.PROGRAM,), "rabbitmq": rabbitmq.PROGRAMS}

if __name__ == "__main__":
    asyncio.run(keep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
