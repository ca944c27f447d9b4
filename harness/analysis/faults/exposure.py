"""Exposure: which calls and connections a fault touched. A fault that touched none has shown nothing.

Definitions. A call is *exposed* when [sent, done] overlaps the fault window [on, off): it was on its way at some
time while the fault was on. A connection is a user's over one transport, so exposed connections are the
different (worker, user, transport) among exposed calls.
A call is *touched* by some stretch of time when [intended, done] overlaps it: in an open load a call that had to
wait until a fault was over has felt it, too.

A fault that acts on new connections only (the catalogue says which do) exposes the calls that opened one meanwhile.

On a link behind the target (database, queue, sessions, links of your own) the calls of the load do not travel over the link:
exposed are those that were on their way while the fault was on. That the link itself was disturbed is what
canaries verify. It is not known whether a call needed the database, the queue or a session, nor which
connections the target opened there. So a fault that acts on new connections only exposes no call there,
whatever connections the load opened.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis.calls.calls import Calls, Ints
from harness.analysis.statistics.spans import Span, union


@dataclass(frozen=True, slots=True)
class Exposure:
    """The number of calls and connections that a fault touched."""

    calls: int
    connections: int


NOBODY = Exposure(0, 0)


def exposed(calls: Calls, window: Span, *, new_only: bool = False) -> Exposure:
    """The calls on their way while the fault was on; `new_only`: on connections opened in that time."""
    hit = calls.take(_overlapping(calls, calls.sent_ns, [window]))
    if new_only:
        hit = hit.take((hit.sent_ns >= window[0]) & ~hit.reused)
    connections = {
        tuple(row) for row in np.unique(np.stack([hit.worker, hit.user, hit.transport]).T, axis=0).tolist()
    }
    return Exposure(len(hit), len(connections))


def touched(calls: Calls, spans: Iterable[Span]) -> Calls:
    """The calls that were due or on their way in one of these spans."""
    return calls.take(_overlapping(calls, calls.intended_ns, spans))


def untouched(calls: Calls, spans: Iterable[Span]) -> Calls:
    """All other calls."""
    merged = union(spans)
    return calls.take(~_overlapping(calls, calls.intended_ns, merged)) if merged else calls


def _overlapping(calls: Calls, begun_ns: Ints, spans: Iterable[Span]) -> npt.NDArray[np.bool_]:
    hit = np.zeros(len(calls), dtype=np.bool_)
    if not len(calls):
        return hit
    longest = int((calls.done_ns - calls.intended_ns).max())
    for start, end in union(spans):
        # Calls are sorted by intended start, so only these can overlap.
        first, last = np.searchsorted(calls.intended_ns, (start - longest, end))
        some = slice(int(first), int(last))
        hit[some] |= (begun_ns[some] < end) & (calls.done_ns[some] >= start)
    return hit
