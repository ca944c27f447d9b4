"""One queue of RabbitMQ, looked at from outside: by its management API, by AMQP, or both. Nothing is taken from it.

By AMQP it is declared passively, which tells how many messages and consumers there are. Whether it is durable is told by the refusal of a
declaration that disagrees. It is declared so only when it is there.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from harness.foundation.addresses import resolved
from harness.foundation.clock import within
from harness.foundation.secrets import redact
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted.printable import printable
from harness.load.address import credentials
from harness.verify.backends import page
from harness.verify.finding import UndecidedError
from harness.verify.spec import backends

ANSWER_S: Final = 10.0
WHY_CHARS: Final = 300
NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class QueueState:
    """A task's state at one look."""

    there: bool
    durable: bool | None = None  # None when nobody can say
    consumers: int = 0
    messages: int = 0  # that wait; those that a consumer has are not among them by AMQP
    by: str = ""


@dataclass(frozen=True, slots=True)
class Queue:
    """For tests that are no coroutines."""

    spec: backends.Queue
    _run: Callable[[Coroutine[Any, Any, Any]], Any] = field(repr=False)

    @property
    def name(self) -> str:
        return self.spec.name

    def look(self) -> QueueState:
        """As it is now; by the management API where there is one."""
        state: QueueState = self._run(self._by_management() if self.spec.management else self._by_amqp())
        return state

    def by_amqp(self) -> QueueState:
        """As AMQP tells it."""
        state: QueueState = self._run(self._by_amqp())
        return state

    def is_persistent(self) -> bool | None:
        """Whether the message at its head survives a crash; it is put back. None without one. Only while nobody consumes."""
        persistent: bool | None = self._run(self._peeked())
        return persistent

    async def _by_management(self) -> QueueState:
        base = urlsplit(self.spec.management)
        place = base.netloc.rpartition("@")[2]
        vhost, name = quote(self._vhost(), safe=""), quote(self.spec.name, safe="")
        url = f"{base.scheme}://{place}{base.path.rstrip('/')}/api/queues/{vhost}/{name}"
        answer = await page.asked("GET", url, credentials(self.spec.management), ANSWER_S)
        if answer.status == NOT_FOUND:
            return QueueState(False, by="management")
        if not answer.good or not isinstance(answer.value, dict):
            raise silent(self.spec.management, answer.why or "its answer names no queue")
        durable = answer.value.get("durable")
        return QueueState(
            True,
            durable if isinstance(durable, bool) else None,
            _count(answer.value.get("consumers")),
            _count(answer.value.get("messages")),
            "management",
        )

    def _vhost(self) -> str:
        return self.spec.vhost or (unquote(urlsplit(self.spec.url).path[1:]) if self.spec.url else "") or "/"

    async def _by_amqp(self) -> QueueState:
        from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

        async def looked(connection: Any) -> QueueState:
            try:
                channel = await connection.channel()
                declared = await channel.declare_queue(self.spec.name, passive=True)
            except ChannelNotFoundEntity:
                return QueueState(False, by="AMQP")
            counts = declared.declaration_result
            durable: bool | None = True
            try:
                again = await connection.channel()
                await again.declare_queue(self.spec.name, durable=True)
            except ChannelPreconditionFailed as error:
                durable = durable_by(str(error))
            return QueueState(
                True, durable, _count(counts.consumer_count), _count(counts.message_count), "AMQP"
            )

        state: QueueState = await self._connected(looked)
        return state

    async def _peeked(self) -> bool | None:
        from aio_pika import DeliveryMode

        async def peeked(connection: Any) -> bool | None:
            channel = await connection.channel()
            queue = await channel.declare_queue(self.spec.name, passive=True)
            message = await queue.get(fail=False)
            if message is None:
                return None
            await message.reject(requeue=True)
            return bool(message.delivery_mode == DeliveryMode.PERSISTENT)

        persistent: bool | None = await self._connected(peeked)
        return persistent

    async def _connected(self, use: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        import aio_pika
        from aio_pika.exceptions import AMQPError

        try:
            async with within(ANSWER_S):
                connection = await aio_pika.connect(await resolved.by_number(self.spec.url), timeout=ANSWER_S)
                async with connection:
                    return await use(connection)
        except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
            raise silent(self.spec.url, str(error) or type(error).__name__) from error


def durable_by(refusal: str) -> bool | None:
    """Read the broker's refusal of a durable declaration: it compares durability before anything else."""
    if "inequivalent arg" not in refusal:
        return None
    return "'durable'" not in refusal


def silent(url: str, why: str) -> UndecidedError:
    """Nobody can say what is in it."""
    return UndecidedError(
        f"the queue at {redact.url(url)} cannot be looked at: {printable(hide(why), WHY_CHARS)}"
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
