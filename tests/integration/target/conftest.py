"""The reference target for its tests: as a child of the test, or inside the test's own event loop."""

import ctypes
import signal
import subprocess
import sys
import uuid
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import aiohttp
import asyncpg
import pytest

from harness.reference.serve import serving
from harness.reference.settings import Settings


def die_with_parent():
    """In the child: the kernel ends it when this process ends, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@dataclass
class TargetProcess:
    """`python -m harness.reference` as a child."""

    process: subprocess.Popen
    url: str


@pytest.fixture(scope="session")
def start_target(postgres_url):
    """Start the reference target with these flags, as a context manager; ended with SIGTERM unless gone."""

    @contextmanager
    def start(*flags, schema=None):
        name = schema or unique_schema()
        command = [
            sys.executable,
            "-m",
            "harness.reference",
            "--database-url",
            postgres_url,
            "--schema",
            name,
        ]
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
            process.wait(timeout=60)
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
    async with AsyncExitStack() as stack:

        async def start(**changes):
            settings = {"database_url": postgres_url, "port": 0, "schema": schema, **changes}
            return await stack.enter_async_context(serving(Settings(**settings)))

        yield start


@pytest.fixture
async def http():
    """An HTTP client of this test's own."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def sql(postgres_url):
    """A connection to look behind the back of the service."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()
