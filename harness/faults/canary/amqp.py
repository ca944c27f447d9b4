"""A canary to RabbitMQ: it opens a connection and a channel, and asks its own empty queue for a message.

To receive more bytes it first publishes a message to that queue; to send more bytes, to a queue that does not
exist. The server names the queue; only this connection sees it, and it ends with it. No other queue is
touched.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote

from pamqp import body, commands, frame, header
from pamqp.exceptions import PAMQPException

from harness.faults.canary.conversation import CountedConnection, UnexpectedError, until_closed

CHANNEL = 1
PIECE = 100_000  # bytes of a message in one frame; servers take 128 KB
HEAD = 7  # bytes before what a frame holds; behind it one more
NOBODY = "harness-canary-to-nobody"


@dataclass(slots=True)
class AmqpTalk:
    """The part of AMQP 0-9-1 that a canary needs, for one connection at a time."""

    port: int = 5672
    queue: str = ""  # its own: the server gives it a name

    async def greet(self, wire: CountedConnection, where: SplitResult) -> None:
        user, password = unquote(where.username or "guest"), unquote(where.password or "guest")
        await wire.say(header.ProtocolHeader().marshal())
        await _heard(wire, "Connection.Start")
        await _say(wire, 0, commands.Connection.StartOk({}, "PLAIN", f"\0{user}\0{password}", "en_US"))
        tune = await _heard(wire, "Connection.Tune")
        place = unquote(where.path[1:]) or "/"
        await _say(
            wire,
            0,
            commands.Connection.TuneOk(
                tune.channel_max, tune.frame_max, 0
            ),  # it stays open while nothing is said
            commands.Connection.Open(place),
        )
        await _heard(wire, "Connection.OpenOk")
        await _say(wire, CHANNEL, commands.Channel.Open())
        await _heard(wire, "Channel.OpenOk")
        await _say(wire, CHANNEL, commands.Queue.Declare(exclusive=True, auto_delete=True))
        self.queue = str((await _heard(wire, "Queue.DeclareOk")).queue)

    async def exchange(self, wire: CountedConnection, out: int, into: int) -> None:
        asking = commands.Basic.Get(queue=self.queue, no_ack=True)
        if out:
            await _say(wire, CHANNEL, *_message(NOBODY, out), asking)
        elif into:
            await _say(wire, CHANNEL, *_message(self.queue, into), asking)
            await _heard(wire, "Basic.GetOk")
            left = (await _heard(wire, "ContentHeader")).body_size
            while left > 0:
                left -= len((await _heard(wire, "ContentBody")).value)
            return
        else:
            await _say(wire, CHANNEL, asking)
        await _heard(wire, "Basic.GetEmpty")

    async def leave(self, wire: CountedConnection) -> None:
        await _say(wire, 0, commands.Connection.Close(200, "goodbye", 0, 0))
        await _heard(wire, "Connection.CloseOk")
        wire.writer.write_eof()  # it would wait for that
        await until_closed(wire)


def _message(queue: str, size: int) -> list[Any]:
    """Return the frames of one message of `size` bytes."""
    pieces = [body.ContentBody(b"x" * min(PIECE, size - at)) for at in range(0, size, PIECE)]
    return [commands.Basic.Publish(routing_key=queue), header.ContentHeader(body_size=size), *pieces]


async def _say(wire: CountedConnection, channel: int, *frames: Any) -> None:
    await wire.say(b"".join(frame.marshal(one, channel) for one in frames))


async def _heard(wire: CountedConnection, name: str) -> Any:
    """Return the next frame; raise if it has another name."""
    head = await wire.hear(HEAD)
    rest = await wire.hear(int.from_bytes(head[3:7]) + 1)
    try:
        _, _, reply = frame.unmarshal(head + rest)
    except PAMQPException as error:
        raise UnexpectedError(f"it does not speak AMQP 0-9-1: {error}") from error
    if reply.name != name:
        raise UnexpectedError(f"it said {reply.name} instead of {name}")
    return reply
