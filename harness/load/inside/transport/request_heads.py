"""Heads of requests to one server, made once for each kind of request; no header is in one twice.

The dialect's headers take precedence, then the user's own, then the run's credential (`credential`), then ours. A new
credential has all heads made anew.
"""

from typing import Final

from harness.load.inside.transport import credential
from harness.load.inside.transport.connecting import Endpoint
from harness.mcp.messages import Headers, Request

HEADS_MAX: Final = 200


class RequestHeads:
    """Makes and caches the heads."""

    __slots__ = ("__weakref__", "_before", "_fixed", "_known")

    def __init__(self, place: Endpoint, headers: Headers) -> None:
        named = {name.lower() for name, _ in headers}
        ours = (("Host", place.host_header), ("User-Agent", "mcp-harness"), *place.login)
        self._fixed = (*((name, value) for name, value in ours if name.lower() not in named), *headers)
        self._before = place.before
        self._known: dict[tuple[str, str, Headers], bytes] = {}
        credential.FOLLOWERS.add(self)

    def forget(self) -> None:
        """Make all heads anew: the credential has changed."""
        self._known.clear()

    def of(self, request: Request, target: str) -> bytes:
        """Return the head up to where the value of Content-Length goes."""
        key = (request.method, target, request.headers)
        head = self._known.get(key)
        if head is None:
            if len(self._known) >= HEADS_MAX:
                self._known.clear()
            named = {name.lower() for name, _ in request.headers} | {"content-length"}
            fixed = (*credential.beside(self._fixed), *self._fixed)
            lines = (*(line for line in fixed if line[0].lower() not in named), *request.headers)
            shown = "".join(f"{name}: {value}\r\n" for name, value in lines)
            text = f"{request.method} {self._before}{target} HTTP/1.1\r\n{shown}Content-Length: "
            head = self._known[key] = text.encode("latin-1")
        return head
