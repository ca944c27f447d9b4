"""`harness serve`: the reference server by itself, until it is told to end."""

import os
import re
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EMBEDDED
from tests.e2e.leftovers import assert_nothing_left

Start = Callable[..., Any]


def ready_url(command: Any) -> str:
    """The line on standard output that says where it is."""
    line = command.process.stdout.readline()
    found = re.fullmatch(r"harness target ready on (http://127\.0\.0\.1:\d+)\n", line)
    assert found, (line, command.process.poll())
    return found[1]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGINT, 0, marks=pytest.mark.long),
        (signal.SIGTERM, 0),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_it_serves_until_a_signal_and_leaves_nothing(
    harness: Start, tmp_path: Path, number: int, code: int
) -> None:
    """Port 0 takes a free one and says which; the database goes too, even after kill -9."""
    command = harness("serve", "--port", "0", "--rate-limit", "500", **EMBEDDED)
    url = ready_url(command)
    with urllib.request.urlopen(f"{url}/health", timeout=60) as answer:
        assert b"healthy" in answer.read()
    with urllib.request.urlopen(f"{url}/status", timeout=60) as answer:
        assert b'"calls_per_s_and_client":500.0' in answer.read()
    command.signal(number)

    assert command.wait() == code
    assert_nothing_left(tmp_path / "tmp", tmp_path)
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_port_that_is_taken_is_named(harness: Start, tmp_path: Path) -> None:
    """Exit 2, which port, what to do; and nothing stays."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        command = harness("serve", "--port", str(port))

        assert command.wait() == 2
    assert f"Port {port} is taken" in command.stderr
    assert_nothing_left(tmp_path / "tmp", tmp_path)


def test_a_database_that_is_not_there_is_said_so(harness: Start) -> None:
    """Whose fault, and no traceback; the password is not shown."""
    command = harness("serve", "--port", "0", "--database-url", "postgresql://me:s3cret@127.0.0.1:1/x")

    assert command.wait() == 4
    assert "Traceback" not in command.stderr
    assert "s3cret" not in command.stderr
    assert ".log" not in command.stderr, "it went with the temporary directory"
    assert "The target cannot use its database." in command.stderr
    assert len(command.stderr.splitlines()) == 3


def test_a_server_that_dies_ends_the_command(harness: Start, tmp_path: Path) -> None:
    """It does not pretend to serve."""
    command = harness("serve", "--port", "0")
    ready_url(command)
    (pid,) = [
        int(place.parent.name)
        for place in Path("/proc").glob("[0-9]*/cmdline")
        if b"harness.reference\0" in read(place)
        and str(tmp_path / "tmp").encode() in read(place.parent / "environ")
    ]
    os.kill(pid, signal.SIGKILL)

    assert command.wait() == 3
    assert "ended by itself: killed by signal 9 (SIGKILL)" in command.stderr


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
