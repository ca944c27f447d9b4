"""`make soak` in its short form: a real run that does not grow by much, beside one of a target that leaks."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import CLEAN
from tests.soak.clients import VISITS

pytestmark = pytest.mark.parts


@contextmanager
def soak(path: str, out: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    """As a process of its own, which ends with the test."""
    argv = [sys.executable, "-m", "tests.soak", "--out", str(out), *more]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**CLEAN, "PATH": path})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate()


def growing(table: str) -> set[str]:
    """Parts and figures."""
    return {" ".join(line.split()[:2]) for line in table.splitlines() if line.endswith("grows")}


@pytest.fixture
def path(toxiproxy_binary: Path, tmp_path: Path) -> str:
    """One on which the harness finds a toxiproxy-server."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "toxiproxy-server").symlink_to(toxiproxy_binary)
    return f"{place}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_leak_is_found_and_what_is_sound_is_not_called_one(path: str, tmp_path: Path) -> None:
    """Half a minute of each, with faults and clients of every protocol: the target that leaks is named, and exit 1."""
    short = ("--minutes", "0.6")
    with (
        soak(path, tmp_path / "sound", *short, "--users", "2") as sound,
        soak(path, tmp_path / "leaking", *short, "--break", "slow-leak") as leaking,
    ):
        said, said_of_the_leak = (one.communicate()[0] for one in (sound, leaking))

    # What is not decided in so short a time is open, and exit 3.
    assert sound.returncode in {0, 3}, said
    assert growing(said) == set()
    assert "the run: completed" in said
    assert not [name for name in VISITS if f"{name} 0" in said or name not in said], said
    assert leaking.returncode == 1, said_of_the_leak
    assert growing(said_of_the_leak) == {"target memory"}
