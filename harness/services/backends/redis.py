"""Redis: one of our own for the run, as a child, unless REDIS_URL names the user's.

    async with own(log_dir) as url:                               # redis://:...@127.0.0.1:PORT/0

Our own server listens on 127.0.0.1 and a free port, asks for a random password, and keeps nothing on disk.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.foundation.errors import ServiceError
from harness.foundation.secrets.hiding import learn
from harness.services.processes import programs, readiness, temporary
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.process import GIVES_WAY, running

HOST, PROGRAM, VARIABLE = "127.0.0.1", "redis-server", "REDIS_URL"
TRIES = 5


def program() -> str:
    """Return the path of the program that would be started."""
    return programs.of_server("Redis", PROGRAM, VARIABLE, PROGRAM)


@asynccontextmanager
async def own(log_dir: Path) -> AsyncIterator[str]:
    """Start a server for this run in a temporary directory; yield its URL."""
    async with temporary.directory("redis") as place, started(place, log_dir) as url:
        yield url


@asynccontextmanager
async def started(place: Path, log_dir: Path) -> AsyncIterator[str]:
    """Start a server that works in `place`; yield its URL. Its log is redis.log in `log_dir`."""
    log, password = (log_dir / "redis.log").absolute(), secrets.token_hex(16)
    learn(password)
    secret = place / "redis.conf"  # rather than on the command line, which everybody can read
    secret.touch(mode=0o600)
    secret.write_text(f"requirepass {password}\n", encoding="ascii")
    for tries_left in reversed(range(TRIES)):
        port = free_port(HOST)
        settings = {"bind": HOST, "port": port, "save": "", "dir": place, "daemonize": "no"}
        argv = [
            program(),
            str(secret),
            *(word for key, value in settings.items() for word in (f"--{key}", str(value))),
        ]
        ready = readiness.line("Ready to accept connections", log)
        serving = False
        try:
            async with running(argv, name="redis", log=log, ready=ready, nice=GIVES_WAY, part="redis"):
                serving = True
                yield f"redis://:{password}@{HOST}:{port}/0"
                return
        except ServiceError:
            if serving or not tries_left or not is_taken(port, HOST):
                raise
