"""The line between the conductor and Locust's master: JSON lines over a socket that both inherited.

    conductor -> master   {"do": "users", "count": 10, "requests": null}
                          {"do": "arrivals", "arrivals": {"rate_per_s": 500.0, ...}, "step": 3, "hold_s": 60.0,
                           "last": true}
                          {"do": "authorize", "headers": {"Authorization": "Bearer ..."}}
                          {"do": "stop", "drain_s": 5.0, "cancelled": false, "without": []}
    master -> conductor   {"said": "port", "port": 5557}    {"said": "ready", "workers": 1}     {"said": "alive"}
                          {"said": "running", "users": 10, "at_ns": 1}   {"said": "arriving", "at_ns": 1}
                          {"said": "stopped", "left_behind": []}
                          {"said": "joined", "part": "worker-1", "host": "..."}  {"said": "refused", "host", "why"}
                          {"said": "clock", "part": "worker-1", "host", "offset_ms", "error_ms"}
                          {"said": "stranger", "attempts": 1, "why": "without a token"}
                          {"said": "lost" | "unwritten", "part": "worker-1", "worker": 1, "why": "..."}

When the socket closes, the load ends: a conductor that dies cannot leave users running.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import gevent.socket

from harness.load.engine import FD_VARIABLE


class Control:
    """The master's end of the socket."""

    def __init__(self, fd: int) -> None:
        self._socket = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=fd)

    @classmethod
    def inherited(cls) -> "Control":
        return cls(int(os.environ[FD_VARIABLE]))

    def say(self, message: str, **fields: Any) -> None:
        self._socket.sendall(json.dumps({"said": message, **fields}).encode() + b"\n")

    def orders(self) -> Iterator[Mapping[str, Any]]:
        """Yield the conductor's orders until it closes the socket."""
        buffer = b""
        while True:
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                yield json.loads(line)
            try:
                chunk = self._socket.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            buffer += chunk
