"""HTTP versions: 1.1 is spoken here. A server that speaks HTTP/2 only says so in the first bytes that it sends."""

from typing import Final

# An HTTP/2 server begins with a SETTINGS frame, whatever it was asked: its type, no flags, and the stream 0.
SETTINGS: Final = b"\x04\x00\x00\x00\x00\x00"
_TYPE_AT: Final = 3
HTTP2_ONLY: Final = "it answers in HTTP/2, which is not spoken here"


def is_http2(data: bytes) -> bool:
    """Whether these first bytes of a reply are those of an HTTP/2 server."""
    return data[_TYPE_AT : _TYPE_AT + len(SETTINGS)] == SETTINGS
