"""What the harness adds to its environment is its own."""

import os
import subprocess
import sys

import pytest

from harness.foundation import environment


@pytest.fixture(autouse=True)
def _nothing_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_added", {})
    for name in environment.OURS:
        monkeypatch.delenv(name, raising=False)


def test_what_is_added_is_not_given_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that calculates has all its threads."""
    monkeypatch.setenv("HARNESS_TEST_GIVEN", "1")
    environment.begin()
    assert {name: os.environ[name] for name in environment.OURS} == environment.OURS
    given = environment.for_others()
    assert given["HARNESS_TEST_GIVEN"] == "1"
    assert not environment.OURS.keys() & given.keys()


def test_what_the_user_has_set_stays_and_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is the same."""
    for value in ("1", "8"):
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", value)
        environment.begin()
        assert os.environ["OPENBLAS_NUM_THREADS"] == value
        assert environment.for_others()["OPENBLAS_NUM_THREADS"] == value


# Sixteen threads take memory at the same time; each heap that the C library makes for them reserves 64 MB.
RESERVED = """
import threading
from harness.foundation import environment
environment.begin()
import pyarrow
together = threading.Barrier(16)
def take():
    together.wait()
    held = [bytes(1000) for _ in range(100)]
    together.wait()
threads = [threading.Thread(target=take) for _ in range(16)]
before = int(open("/proc/self/statm").read().split()[0]) * 4096
[thread.start() for thread in threads]
[thread.join() for thread in threads]
grown = int(open("/proc/self/status").read().split("VmPeak:")[1].split()[0]) * 1024 - before
print(pyarrow.default_memory_pool().backend_name, grown // (16 * 8 << 20))
"""


@pytest.mark.parts
def test_where_memory_is_limited_little_is_reserved() -> None:
    """Arrow takes memory where others do, and threads share two heaps; their stacks are 8 MB each."""
    limited = 'ulimit -s 8192; ulimit -v 1310720; exec "$0" -c "$1"'
    done = subprocess.run(
        ["sh", "-c", limited, sys.executable, RESERVED], capture_output=True, text=True, check=False
    )

    assert (done.stdout.split(), done.stderr) == (["system", "1"], "")
    unlimited = subprocess.run(
        ["sh", "-c", 'ulimit -s 8192; exec "$0" -c "$1"', sys.executable, RESERVED],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(unlimited.stdout.split()[1]) > 2
