"""The parts of tasks, opened together: the table, the queue that the settings name, and workers in this process.

A client of RabbitMQ is imported only by a service that has one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.reference.databases import Databases
from harness.reference.events import Event, Events
from harness.reference.settings import Settings
from harness.reference.tasks.queue_postgres import PostgresQueue
from harness.reference.tasks.table import Tasks
from harness.reference.tasks.worker import Worker

if TYPE_CHECKING:
    from harness.reference.tasks.queue_amqp import AmqpQueue


@dataclass(frozen=True, slots=True)
class TaskParts:
    """The table and the queue of tasks, for the doors."""

    tasks: Tasks
    queue: "AmqpQueue | PostgresQueue"


@asynccontextmanager
async def opened(settings: Settings, databases: Databases, events: Events) -> AsyncIterator[TaskParts]:
    """Accept tasks while the body runs, and do them if the settings want workers in this process."""
    tasks = Tasks(databases.own, settings.task_lease_s)
    work: list[Coroutine[Any, Any, None]] = []
    queue: AmqpQueue | PostgresQueue = PostgresQueue(tasks)
    if settings.amqp_url:
        from harness.reference.tasks import queue_amqp

        queue = queue_amqp.AmqpQueue(
            settings.amqp_url,
            f"{settings.schema}.tasks",
            tasks,
            durable="no-durability" not in settings.broken,
        )
        work.append(queue.sweep())

    def submitted(event: Event) -> None:
        if event.get("status") == "pending":
            queue.wake()

    events.on("task", submitted)
    if settings.task_workers:
        work.append(queue.work(Worker(tasks, databases), settings.task_workers))
    running = [asyncio.create_task(one) for one in work]
    try:
        yield TaskParts(tasks, queue)
    finally:
        for one in running:
            one.cancel()
        for one in running:
            with contextlib.suppress(asyncio.CancelledError):
                await one
        await queue.close()
