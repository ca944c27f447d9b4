"""Somebody else's Toxiproxy, with a proxy and a toxic of theirs on it; and how it is asked."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ANSWERS_WITHIN_S = 30.0
THEIRS = {"name": "theirs", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"}
SLOW = {"name": "slow", "type": "latency", "attributes": {"latency": 5}}


@contextmanager
def shared(binary: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Its URL, and its process."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    process = subprocess.Popen(
        [str(binary), "-host", "127.0.0.1", "-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + ANSWERS_WITHIN_S
        while not _answers(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        call(url, "/proxies", THEIRS)
        call(url, "/proxies/theirs/toxics", SLOW)
        yield url, process
    finally:
        process.kill()
        process.wait()


def call(url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
