"""The progress of a call: a tool reports it, and the door passes it on to a client that asked for it.

A client asks with a progressToken; without one, and behind doors that can send nothing before the answer,
reporting does nothing.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Report = Callable[[float, float], Awaitable[None]]


async def _unheard(_done: float, _total: float) -> None:
    """Do nothing: the client did not ask for progress."""


_report: ContextVar[Report] = ContextVar("report", default=_unheard)


async def report(done: float, total: float) -> None:
    await _report.get()(done, total)


@contextmanager
def reported(to: Report) -> Iterator[None]:
    """Send the progress that the body reports to `to`."""
    token = _report.set(to)
    try:
        yield
    finally:
        _report.reset(token)
