"""Does one claimed task: work, then finish, and renew the lease meanwhile.

An error of the task itself fails it, with a message. If a database is away, the attempt just ends
(TasksUnreachableError), and the task is claimed again when its lease has expired.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket

import asyncpg

from harness.reference.connecting import UNREACHABLE, reason
from harness.reference.databases import BusyError, Databases
from harness.reference.tasks.kinds import KINDS
from harness.reference.tasks.table import Tasks
from harness.reference.tasks.task import Claimed, TasksUnreachableError

log = logging.getLogger(__name__)


def worker_name() -> str:
    """Return a unique name with machine and process, for people."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Worker:
    """A worker; see the module."""

    def __init__(self, tasks: Tasks, databases: Databases) -> None:
        self.name = worker_name()
        self._tasks, self._databases = tasks, databases

    async def do(self, claimed: Claimed) -> None:
        renewing = asyncio.create_task(self._renew(claimed))
        try:
            result = await KINDS[claimed.kind].work(self._databases, claimed.arguments)
        except asyncio.CancelledError:  # this process stops
            with contextlib.suppress(TasksUnreachableError):
                await self._tasks.release(claimed)
            raise
        except asyncpg.PostgresConnectionError as error:
            raise TasksUnreachableError(reason(error)) from error
        except asyncpg.PostgresError as error:
            await self._tasks.fail(claimed.id, claimed.attempt, f"The database refused: {error}")
        except (*UNREACHABLE, BusyError) as error:
            raise TasksUnreachableError(reason(error)) from error
        else:
            if not await self._tasks.complete(claimed, result):
                log.warning("Task %s was taken over by another worker.", claimed.id)
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, claimed: Claimed) -> None:
        while True:
            await asyncio.sleep(self._tasks.lease_s / 3)
            try:
                await self._tasks.renew(claimed)
            except TasksUnreachableError as error:
                log.warning("The lease of task %s was not renewed: %s", claimed.id, error)
