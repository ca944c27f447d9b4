"""The result and times of one exchange, over any transport."""

from typing import NamedTuple

import msgspec

from harness.mcp.messages import Reply
from harness.run_directory.schema import NULL


class Begun(NamedTuple):
    """An exchange that the fast lane began, and Python goes on with, as `Line.take` of wire.c gives it."""

    seq: int
    intended_ns: int
    sent_ns: int
    went_out: int  # bytes of the request
    chunk: bytes | None  # the first bytes of the reply; None: not read yet
    read_ns: int  # when they were read
    held_ns: int | None  # how long before that they had come in; None: unknown
    error: int  # errno; 0: none


class Exchanged(msgspec.Struct):
    """One exchange. Times are of the monotonic clock; it is done when its last byte has come in."""

    reply: Reply
    sent_ns: int
    first_byte_ns: int
    done_ns: int
    bytes_out: int
    bytes_in: int
    reused: bool
    held_ns: int = NULL  # from then until its user had the reply; NULL: unknown when the last byte came in

    @property
    def known_ns(self) -> int:
        """When its user had the reply, and could go on."""
        return self.done_ns + max(self.held_ns, 0)
