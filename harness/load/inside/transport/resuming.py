"""A stream that its server closed to be asked again (polling) is asked for again: one call, from its POST to its answer.

The time between is part of the call, and so is the deadline. A server that does not know how (405) has ended the stream.
"""

import time
from typing import Protocol

import gevent
import msgspec

from harness.load.inside.transport.measured_exchange import Exchanged
from harness.mcp import outcome
from harness.mcp.messages import Request
from harness.mcp.stream import NO_STREAM
from harness.run_directory.schema import NULL


class Carrier(Protocol):
    """What makes an exchange."""

    def exchange(
        self, request: Request, *, target: str = "", deadline_ns: int = 0, resumed: int = 0
    ) -> Exchanged: ...


def resume(
    carrier: Carrier,
    rest: Request,
    wait_s: float,
    done: Exchanged,
    target: str,
    deadline_ns: int,
    resumed: int,
) -> Exchanged:
    """The whole call, after what was `done` of it."""
    gevent.sleep(max(0.0, min(wait_s, (deadline_ns - time.monotonic_ns()) / 1e9)))
    if time.monotonic_ns() >= deadline_ns:  # whoever answers fast is not caught by the sweep
        done.reply = msgspec.structs.replace(done.reply, outcome=outcome.TIMEOUT, detail="no answer in time")
        done.done_ns, done.held_ns = time.monotonic_ns(), NULL
        return done
    more = carrier.exchange(rest, target=target, deadline_ns=deadline_ns, resumed=resumed + 1)
    if more.reply.status == NO_STREAM:
        return done
    return Exchanged(
        more.reply,
        done.sent_ns,
        done.first_byte_ns,
        more.done_ns,
        done.bytes_out + more.bytes_out,
        done.bytes_in + more.bytes_in,
        done.reused,
        more.held_ns,
    )
