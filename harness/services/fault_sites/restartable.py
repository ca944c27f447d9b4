"""A seat: the place of one part, which can be emptied and taken again, at the same address.

    async with Seat(lambda: running([...], ...)) as seat:      # started
        await seat.restart()                                   # another process, the same part

Faults empty it (`kill`, `stop`) and healing fills it (`start`); whoever talks to the part sees it come back.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

from harness.foundation.errors import ServiceError
from harness.services.processes.process import Child

Starting = Callable[[], AbstractAsyncContextManager[Child]]


@dataclass(slots=True)
class RestartableProcess:
    """One part, by the way it is started."""

    starting: Starting
    starts: int = 0
    _child: Child | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def child(self) -> Child:
        """The process in it now."""
        if self._child is None:
            raise ServiceError("The part is not running", "It was stopped and has not been started again")
        return self._child

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    async def start(self) -> None:
        """Take the seat and be ready; nothing to do when it is taken."""
        if self.running:
            return
        await self.stop()  # what is left of one that ended by itself
        self._child = await self._stack.enter_async_context(self.starting())
        self.starts += 1

    async def stop(self) -> None:
        """Down the ladder of the process; nothing to do when the seat is empty."""
        self._child = None
        await self._stack.aclose()

    async def kill(self) -> None:
        """Without a word, as a crash would."""
        if self._child is not None:
            await self._child.kill()

    async def restart(self) -> None:
        """Empty it in good order, and take it again."""
        await self.stop()
        await self.start()
