"""One exchange as it was measured, whatever carried it."""

import msgspec

from harness.mcp.messages import Reply


class Exchanged(msgspec.Struct):
    """Times are of the monotonic clock."""

    reply: Reply
    sent_ns: int
    first_byte_ns: int
    done_ns: int
    bytes_out: int
    bytes_in: int
    reused: bool
