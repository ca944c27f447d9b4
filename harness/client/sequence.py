"""Run a sequence of exchanges (a generator from `harness.mcp`) over any transport."""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from harness.mcp.messages import Reply, Request

T = TypeVar("T")


async def drive(exchange: Callable[[Request], Awaitable[Reply]], sequence: Generator[Request, Reply, T]) -> T:
    """Run the sequence to its end and return its result."""
    try:
        request = next(sequence)
        while True:
            request = sequence.send(await exchange(request))
    except StopIteration as ended:
        value: T = ended.value
        return value
