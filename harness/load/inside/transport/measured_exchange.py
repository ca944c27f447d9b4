"""The result and times of one exchange, over any transport."""

import msgspec

from harness.mcp.messages import Reply
from harness.run_directory.schema import NULL


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
