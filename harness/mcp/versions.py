"""HTTP versions: 1.1 is spoken here.

A server that speaks HTTP/2 only says so in the first bytes that it sends; one that offers HTTP/3 beside 1.1 says so by `Alt-Svc`.
"""

import re
from typing import Final

# An HTTP/2 server begins with a SETTINGS frame, whatever it was asked: its type, no flags, and the stream 0.
SETTINGS: Final = b"\x04\x00\x00\x00\x00\x00"
_TYPE_AT: Final = 3
HTTP2_ONLY: Final = "it answers in HTTP/2, which is not spoken here"


OFFERS_HTTP3: Final = (
    "It offers HTTP/3, too (Alt-Svc), which is not spoken here: all of this is over HTTP/1.1"
)
_HTTP3: Final = re.compile(r"(?:^|,)\s*h3(?:-\d+)?\s*=")


def offers_http3(alt_svc: str) -> bool:
    """Whether this value of `Alt-Svc` (RFC 7838) names HTTP/3."""
    return _HTTP3.search(alt_svc) is not None


def is_http2(data: bytes) -> bool:
    """Whether these first bytes of a reply are those of an HTTP/2 server."""
    return data[_TYPE_AT : _TYPE_AT + len(SETTINGS)] == SETTINGS
