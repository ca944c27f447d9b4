"""Checks Host and Origin in front of every door: the names to which the service answers.

A service on loopback is reachable by any web page that the user opens, if the page's own name is made to point
at 127.0.0.1. So the name must be loopback's own, or one of those in the settings; the port is free, since proxies
of a load test stand in between. A service that listens elsewhere, with no names set, answers to all.
"""

import re
from collections.abc import Iterable

from harness.reference.settings import LOOPBACK, Settings

_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::\d+)?")


class Names:
    """The allowed names, prepared for a check at each request."""

    def __init__(self, settings: Settings) -> None:
        self._checked = settings.host in LOOPBACK or bool(settings.allowed_hosts)
        names = (*LOOPBACK, settings.host, *settings.allowed_hosts)
        self._allowed = {f"[{name}]" if ":" in name else name.lower() for name in names}

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, bytes] | None:
        """Return the status and message to refuse a request with, or None."""
        if not self._checked:
            return None
        host = origin = None
        for name, value in headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if host is None or not self._knows(host):
            return 421, b"Invalid Host header"
        if origin is not None and not self._knows(origin.partition(b"://")[2]):
            return 403, b"Invalid Origin header"
        return None

    def _knows(self, host: bytes) -> bool:
        match = _HOST.fullmatch(host.decode("latin-1").lower())
        return match is not None and match[1] in self._allowed
