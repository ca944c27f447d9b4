"""Driving a sequence of exchanges, a generator of the protocol's, over whatever carries them."""

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from harness.mcp.messages import Reply, Request

T = TypeVar("T")


async def drive(exchange: Callable[[Request], Awaitable[Reply]], sequence: Generator[Request, Reply, T]) -> T:
    """To its end, and what it returns."""
    try:
        request = next(sequence)
        while True:
            request = sequence.send(await exchange(request))
    except StopIteration as ended:
        value: T = ended.value
        return value
