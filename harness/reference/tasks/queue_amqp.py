"""The queue in RabbitMQ: it notifies workers at once, and the table of tasks decides (`table`).

submit   the row first, then a persistent message to the durable queue {schema}.tasks, confirmed by the broker
work     claim, do, finish, and only then acknowledge: the message of a worker that dies is delivered again
sweep    rows without a message (the broker was away, or lost it) are published again

So a message may come twice, or for a task that is done: the claim prevents that anything is done twice.
While the broker is away tasks are accepted and wait; lost connections are made again, after a pause.
"""

import asyncio
import contextlib
import logging
from typing import Any, Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractRobustConnection
from aio_pika.exceptions import AMQPError

from harness.foundation.clock import within
from harness.reference.tasks.table import Tasks
from harness.reference.tasks.task import QueueUnreachableError, TasksUnreachableError
from harness.reference.tasks.worker import Worker

ANSWER_S: Final = 5.0
PAUSE_S: Final = 1.0
UNTOLD_AFTER_S, UNTOLD_AGAIN_S = 2.0, 300.0  # a row without a message; a message that nobody took
ID_BYTES_MAX: Final = 64
_FAILURES = (AMQPError, OSError, TimeoutError, RuntimeError)

log = logging.getLogger(__name__)


class AmqpQueue:
    """The queue in RabbitMQ; see the module."""

    def __init__(self, url: str, name: str, tasks: Tasks, *, durable: bool = True) -> None:
        self._url, self.name, self._tasks, self._durable = url, name, tasks, durable
        self._publishing: tuple[Any, AbstractChannel] | None = None
        self._opening = asyncio.Lock()

    async def publish(self, task: str) -> None:
        """Publish a task; if the broker is away, the sweep does it later."""
        try:
            await self._publish(task)
        except QueueUnreachableError as error:
            log.warning("Task %s waits for the queue: %s", task, error)

    async def check(self) -> None:
        """Return when the queue works, else raise QueueUnreachableError."""
        try:
            async with asyncio.timeout(ANSWER_S):
                channel = await self._channel()
                await channel.declare_queue(self.name, durable=self._durable)
        except _FAILURES as error:
            await self.close()
            raise QueueUnreachableError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            with contextlib.suppress(*_FAILURES):
                async with within(ANSWER_S):
                    await publishing[0].close()

    def wake(self) -> None:
        """Do nothing: the broker wakes the workers."""

    async def work(self, worker: Worker, at_once: int) -> None:
        """Do tasks, `at_once` at a time, until cancelled."""
        while True:
            try:
                await self._consume(worker, at_once)
            except _FAILURES as error:
                log.warning("The queue does not answer: %s", str(error) or type(error).__name__)
            await asyncio.sleep(PAUSE_S)

    async def sweep(self) -> None:
        """Publish tasks without a message again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_S)
            try:
                await self._tasks.give_up()
                for task in await self._tasks.untold(after_s=UNTOLD_AFTER_S, again_s=UNTOLD_AGAIN_S):
                    await self._publish(task)
            except (TasksUnreachableError, QueueUnreachableError) as error:
                log.warning("Tasks wait to be published: %s", error)

    async def _publish(self, task: str) -> None:
        mode = aio_pika.DeliveryMode.PERSISTENT if self._durable else aio_pika.DeliveryMode.NOT_PERSISTENT
        message = aio_pika.Message(task.encode(), delivery_mode=mode, message_id=task)
        try:
            async with asyncio.timeout(ANSWER_S):
                channel = await self._channel()
                await channel.default_exchange.publish(message, routing_key=self.name)
        except _FAILURES as error:
            await self.close()
            raise QueueUnreachableError(str(error) or type(error).__name__) from error
        with contextlib.suppress(TasksUnreachableError):  # then it is published again, which does no harm
            await self._tasks.told(task)

    async def _channel(self) -> AbstractChannel:
        async with self._opening:
            if self._publishing is None or self._publishing[0].is_closed or self._publishing[1].is_closed:
                connection = await aio_pika.connect(self._url, timeout=ANSWER_S)
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.declare_queue(self.name, durable=self._durable)
                self._publishing = connection, channel
            return self._publishing[1]

    async def _consume(self, worker: Worker, at_once: int) -> None:
        """Consume messages until the connection is lost."""
        connection: AbstractRobustConnection | Any = await aio_pika.connect(self._url, timeout=ANSWER_S)
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=at_once)
            queue = await channel.declare_queue(self.name, durable=self._durable)
            lost = asyncio.Event()
            connection.close_callbacks.add(lambda *_: lost.set())
            channel.close_callbacks.add(lambda *_: lost.set())

            async def take(message: AbstractIncomingMessage) -> None:
                await self._take(worker, message)

            tag = await queue.consume(take)
            consumers: Any = getattr(await channel.get_underlay_channel(), "consumers")  # noqa: B009  it has no type
            while (
                tag in consumers and not lost.is_set()
            ):  # a queue that is deleted ends consuming without a word
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE_S):
                        await lost.wait()

    async def _take(self, worker: Worker, message: AbstractIncomingMessage) -> None:
        try:
            await self._do(worker, message)
            await message.ack()
        except TasksUnreachableError as error:
            log.warning("A task waits for another attempt: %s", error)
            await asyncio.sleep(PAUSE_S)
            with contextlib.suppress(*_FAILURES):
                await message.nack(requeue=True)
        except _FAILURES as error:  # the broker delivers it again
            log.warning("A task could not be acknowledged: %s", str(error) or type(error).__name__)

    async def _do(self, worker: Worker, message: AbstractIncomingMessage) -> None:
        if len(message.body) > ID_BYTES_MAX or not message.body.isalnum():
            log.warning("A message in %s names no task.", self.name)
            return
        task = message.body.decode("ascii")
        claimed = await self._tasks.claim(task, worker.name, take_over=bool(message.redelivered))
        if claimed is not None:
            await worker.do(claimed)
