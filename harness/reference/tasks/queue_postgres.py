"""The queue without a broker: the table of tasks itself, which workers poll.

A free worker polls at once when a task was submitted or finished (`wake`), else every POLL_S.
"""

import asyncio
import logging
from typing import Final

from harness.reference.tasks.table import Tasks
from harness.reference.tasks.task import Claimed, TasksUnreachableError
from harness.reference.tasks.worker import Worker

POLL_S: Final = 0.5
PAUSE_S: Final = 1.0  # after the table did not answer

log = logging.getLogger(__name__)


class PostgresQueue:
    """The queue in PostgreSQL; see the module."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._wake = asyncio.Event()

    async def publish(self, _task: str) -> None:
        """Wake a worker; the task is in the table already."""
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    async def work(self, worker: Worker, at_once: int) -> None:
        """Do tasks, `at_once` at a time, until cancelled."""
        doing: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                claimed = await self._claimed(worker, at_once - len(doing))
                for one in claimed:
                    task = asyncio.create_task(self._do(worker, one))
                    doing.add(task)
                    task.add_done_callback(doing.discard)
                if not claimed or len(doing) >= at_once:
                    await self._until_woken()
        finally:
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    async def check(self) -> None:
        """Return when the queue works, else raise."""
        await self._tasks.check()

    async def close(self) -> None:
        """Do nothing."""

    async def _claimed(self, worker: Worker, at_most: int) -> list[Claimed]:
        try:
            await self._tasks.give_up()
            return await self._tasks.claim_next(at_most, worker.name)
        except TasksUnreachableError as error:
            log.warning("No task could be claimed: %s", error)
            await asyncio.sleep(PAUSE_S)
            return []

    async def _do(self, worker: Worker, claimed: Claimed) -> None:
        try:
            await worker.do(claimed)
        except TasksUnreachableError as error:
            log.warning("Task %s waits for another attempt: %s", claimed.id, error)
        finally:
            self.wake()

    async def _until_woken(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return
