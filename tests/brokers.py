"""A real Redis and a real RabbitMQ as children of the tests: ports, data and names of their own.

    async with redis(undo, place) as broker: broker.url
    async with rabbitmq(undo, place) as broker: broker.url, broker.management_url

- No broker of the machine is touched: neither its ports, nor its data, nor its cookie, nor its directory of nodes
  (epmd is a child too, on a port of its own).
- RabbitMQ takes ten seconds to start, so the workers of one test run share one: `shared`. It belongs to none of
  them. A process beside them, this module as a program, starts it and ends it when the test run has ended, however
  that happens.
- Its management plugin is on when the package has it; then `management_url` carries the password too.

What is in a shared server is shared: take names that nobody else takes, and remove what you made.
"""

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.doctor import installed
from harness.record.undo import Journal
from harness.services import readiness
from harness.services.ports import free_port
from harness.services.process import running

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
# Debian's wrapper on PATH serves root and its own user only; the program behind it serves everybody.
RABBITMQ_PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
START_S = 90
ANSWER = "answer.json"
KEEPERS: "list[subprocess.Popen[bytes]]" = []  # nobody waits for them: they end after this process


@dataclass(frozen=True)
class Broker:
    """Where it answers, passwords included; RabbitMQ has a `management_url` where it has that plugin."""

    url: str
    management_url: str | None = None


def program(*names: str) -> str | None:
    """The first that is there; system programs are not on everybody's PATH."""
    places = os.pathsep.join([os.environ.get("PATH", ""), *installed.SYSTEM_PLACES])
    return next(filter(None, (shutil.which(name, path=places) for name in names)), None)


@asynccontextmanager
async def redis(undo: Journal, place: Path) -> AsyncIterator[Broker]:
    """Nothing of it is kept on disk."""
    port, password = free_port(), secrets.token_hex(8)
    settings = {"bind": HOST, "port": port, "requirepass": password, "save": "", "dir": place}
    argv = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    log = place / "redis.log"
    ready = readiness.line("Ready to accept connections", log)
    async with running([str(program("redis-server")), *argv], name="redis", undo=undo, log=log, ready=ready):
        yield Broker(f"redis://:{password}@{HOST}:{port}/0")


@asynccontextmanager
async def rabbitmq(undo: Journal, place: Path) -> AsyncIterator[Broker]:
    """With a virtual host "/", and a user who may do everything."""
    amqp, management, nodes, distribution = (free_port() for _ in range(4))
    server = str(program(*RABBITMQ_PROGRAMS))
    password = secrets.token_hex(8)
    managed = has_management(server)
    (place / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {HOST}:{amqp}\n"
        f"default_user = tests\ndefault_pass = {password}\n"
        "log.console = true\nlog.file = false\ndisk_free_limit.absolute = 1MB\n"
        + (f"management.tcp.ip = {HOST}\nmanagement.tcp.port = {management}\n" if managed else "")
    )
    (place / "plugins").write_text("[rabbitmq_management].\n" if managed else "[].\n")
    environment = {
        "HOME": str(place),  # the cookie
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(nodes),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"tests-{secrets.token_hex(4)}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(amqp),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(place / "data"),
        "RABBITMQ_LOG_BASE": str(place / "log"),
        "RABBITMQ_PID_FILE": str(place / "pid"),
        "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(place / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "plugins"),
        # Two schedulers are plenty, and the other nodes that it waits for are not there.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, instead of staying as its parent
    }
    async with (
        running(
            [str(program("epmd")), "-port", str(nodes), "-address", HOST],
            name="epmd",
            undo=undo,
            log=place / "epmd.log",
            ready=readiness.port(nodes),
        ),
        running(
            [server],
            name="rabbitmq",
            undo=undo,
            log=place / "rabbitmq.log",
            env=environment,
            cwd=place,
            ready=readiness.line("Server startup complete", place / "rabbitmq.log"),
            ready_s=START_S,
            stop_signal=signal.SIGKILL,  # in good order it takes six seconds, for data that nobody reads again
        ),
    ):
        web = f"http://tests:{password}@{HOST}:{management}" if managed else None
        yield Broker(f"amqp://tests:{password}@{HOST}:{amqp}/", web)


def has_management(server: str) -> bool:
    """As Debian has it: beside the scripts that the program's own name leads to."""
    plugins = Path(server).resolve().parents[1] / "plugins"
    return any(plugins.glob("rabbitmq_management-[0-9]*"))


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
    deadline = time.monotonic() + START_S + 15
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
    with Journal(place / "undo.jsonl") as undo:
        async with KINDS[kind](undo, place) as broker:
            aside = place / "aside"
            aside.write_text(json.dumps(asdict(broker)))
            aside.rename(place / ANSWER)
            await ended.wait()
            (place / ANSWER).unlink()


KINDS = {"redis": redis, "rabbitmq": rabbitmq}

if __name__ == "__main__":
    asyncio.run(keep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
