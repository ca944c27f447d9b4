"""The head of a request, as far as a balancer must know it: where the body ends, and which session it is of."""

import re
from dataclasses import dataclass
from typing import Final

END: Final = b"\r\n\r\n"
HEAD_BYTES_MOST: Final = 65_536
# Of the HTTP+SSE transport, whose messages carry the session in their address.
IN_ADDRESS: Final = re.compile(rb"[?&]session_?id=([\w.~-]{1,256})", re.IGNORECASE)


class RequestHeadError(ValueError):
    """A head that cannot be relayed."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a request says before its body."""

    method: bytes
    head_bytes: int
    body_bytes: int | None  # None: in chunks
    session: str
    upgrades: bool

    @property
    def whole_bytes(self) -> int | None:
        return None if self.body_bytes is None else self.head_bytes + self.body_bytes


def parse(data: bytes) -> RequestHead | None:
    """Parse the head at the beginning of `data`; None while it is not all there."""
    end = data.find(END)
    if end < 0:
        if len(data) > HEAD_BYTES_MOST:
            raise RequestHeadError("a head of more than 64 KB")
        return None
    first, *lines = bytes(data[:end]).split(b"\r\n")
    method, _, rest = first.partition(b" ")
    target, _, version = rest.rpartition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise RequestHeadError("no request of HTTP/1")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise RequestHeadError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    in_address = IN_ADDRESS.search(target)
    session = headers.get(b"mcp-session-id") or (in_address[1] if in_address else b"")
    return RequestHead(
        method=method,
        head_bytes=end + len(END),
        body_bytes=_body_bytes(headers),
        session=session.decode("latin-1"),
        upgrades=b"upgrade" in headers,
    )


def _body_bytes(headers: dict[bytes, bytes]) -> int | None:
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        return None
    length = headers.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 15:
        raise RequestHeadError("no length of a body")
    return int(length)
