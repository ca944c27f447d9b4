"""Somebody else's Toxiproxy, with a proxy and a toxic of theirs on it; and how it is asked."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.services.processes.ports import free_port
from tests import waiting

THEIRS = {"name": "theirs", "upstream": "127.0.0.1:9", "listen": "127.0.0.1:0"}
SLOW = {"name": "slow", "type": "latency", "attributes": {"latency": 5}}


@contextmanager
def shared(binary: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Its URL, and its process."""
    port = free_port()
    process = subprocess.Popen(
        [str(binary), "-host", "127.0.0.1", "-port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        waiting.for_port(port, process)
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
