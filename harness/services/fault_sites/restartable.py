"""A part of the run whose process can be ended and started again, at the same address.

    async with RestartableProcess(lambda: running([...], ...)) as part:      # started
        await part.restart()                                                 # another process, the same part

Faults end the process (`kill`, `stop`) and healing starts another (`start`); clients see the part come back.
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
    """One part of the run; `starting` starts its process."""

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
        """The process that runs now; raises ServiceError when there is none."""
        if self._child is None:
            raise ServiceError("The part is not running", "It was stopped and has not been started again")
        return self._child

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.returncode is None

    @property
    def pid(self) -> int | None:
        """The pid of the process that runs now; None when there is none."""
        return self.child.pid if self.running else None

    async def start(self) -> None:
        """Start the process and wait until it is ready; do nothing if it runs."""
        if self.running:
            return
        await self.stop()  # what is left of one that ended by itself
        self._child = await self._stack.enter_async_context(self.starting())
        self.starts += 1

    async def stop(self) -> None:
        """End the process in good order, by force if it does not; do nothing if there is none."""
        self._child = None
        await self._stack.aclose()

    async def kill(self) -> None:
        """Kill the process with SIGKILL, as a crash would end it."""
        if self._child is not None:
            await self._child.kill()

    async def restart(self) -> None:
        """End the process in good order, and start another."""
        await self.stop()
        await self.start()
