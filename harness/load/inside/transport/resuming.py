"""Resumes a stream that its server closed so that the client polls: one call, from its POST to its answer.

The pauses are part of the call, and its deadline covers all of it. If the server refuses (405), the stream
has ended.
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
    """A connection that makes exchanges."""

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
    """Return the whole call, of which the exchange `done` was the first part."""
    gevent.sleep(max(0.0, min(wait_s, (deadline_ns - time.monotonic_ns()) / 1e9)))
    if time.monotonic_ns() >= deadline_ns:  # the sweep does not catch a server that answers fast
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
