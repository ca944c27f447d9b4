"""How far a call has come: a tool reports it, and the door tells whoever asked for it.

A client asks with a progressToken; without one, and behind doors that cannot say anything before the answer,
reporting does nothing.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Report = Callable[[float, float], Awaitable[None]]


async def _unheard(_done: float, _total: float) -> None:
    """Nobody asked."""


_report: ContextVar[Report] = ContextVar("report", default=_unheard)


async def report(done: float, total: float) -> None:
    await _report.get()(done, total)


@contextmanager
def reported(to: Report) -> Iterator[None]:
    """Everything inside reports to this."""
    token = _report.set(to)
    try:
        yield
    finally:
        _report.reset(token)
