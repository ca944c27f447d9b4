"""The command as a user runs it: a process of its own, its output, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests import browsing

# Nothing of the machine's own settings reaches a command under test.
CLEAN = {
    key: value
    for key, value in os.environ.items()
    if not key.startswith(("HARNESS_", "DATABASE_URL", "TOXIPROXY_", "REDIS_URL", "AMQP_URL"))
} | {"HARNESS_HISTORY": "off"}
# For a command that shall start a PostgreSQL of its own, as it does for a user who has none.
EMBEDDED = {"DATABASE_URL": ""}


@dataclass
class Command:
    """One `harness` command, under way or done."""

    process: "subprocess.Popen[str]"
    out_dir: Path
    stdout: str = ""
    stderr: str = ""

    def wait(self, within_s: float = 200) -> int:
        self.stdout, self.stderr = self.process.communicate(timeout=within_s)
        return self.process.returncode

    def summary(self) -> dict[str, Any]:
        return dict(json.loads(self.stdout))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def run_dir(self) -> Path | None:
        """The newest run directory it has made so far."""
        found = sorted(self.out_dir.glob("*/2*"))
        return found[-1] if found else None

    def wait_for_event(self, name: str, within_s: float = 120) -> Path:
        """Until its run has written that event."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            run = self.run_dir()
            if (
                run
                and (run / "events.jsonl").exists()
                and f'"event":"{name}"' in (run / "events.jsonl").read_text()
            ):
                return run
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.05)
        raise AssertionError(f"no event {name} within {within_s} s")


@pytest.fixture
def harness(tmp_path: Path, postgres_url: str) -> Iterator[Callable[..., Command]]:
    """Starts `harness ...`; whatever still runs at the end is killed.

    A reference server has its tables in the PostgreSQL of this worker: making one for each run takes seconds of both
    processors. Tests of what a run starts, kills and leaves behind say `**EMBEDDED`.
    """
    started: list[Command] = []

    def start(*argv: str, cwd: Path | None = None, **environment: str) -> Command:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **CLEAN,
                "HARNESS_OUT": str(tmp_path / "out"),
                "TMPDIR": str(tmp_path / "tmp"),
                "DATABASE_URL": postgres_url,
                **environment,
            },
            cwd=cwd,
        )
        command = Command(process, tmp_path / "out")
        started.append(command)
        return command

    (tmp_path / "tmp").mkdir(mode=0o755)
    yield start
    for command in started:
        if command.process.poll() is None:
            command.process.send_signal(signal.SIGKILL)
            command.process.communicate()


@pytest.fixture
def on_path(toxiproxy_binary: Path, tmp_path: Path) -> str:
    """A PATH on which the harness finds a toxiproxy-server."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "toxiproxy-server").symlink_to(toxiproxy_binary)
    return f"{place}{os.pathsep}{os.environ['PATH']}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A real one, for tests with loop_scope="session": `tests.browsing` says how to look at a page with it."""
    async with browsing.started() as started:
        yield started
