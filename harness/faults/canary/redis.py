"""A canary to Redis: PING; ECHO to receive more bytes, EXISTS with a long key to send more bytes.

Nothing is written. QUIT asks the server to close the connection.
"""

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from harness.faults.canary.conversation import CountedConnection, UnexpectedError, until_closed


@dataclass(frozen=True, slots=True)
class RedisTalk:
    """The part of the Redis protocol that a canary needs."""

    port: int = 6379

    async def greet(self, wire: CountedConnection, where: SplitResult) -> None:
        if where.password:
            user = [unquote(where.username).encode()] if where.username else []
            await _asked(wire, b"+OK", b"AUTH", *user, unquote(where.password).encode())

    async def exchange(self, wire: CountedConnection, out: int, into: int) -> None:
        if out:
            await _asked(wire, b":0", b"EXISTS", b"x" * out)
        elif into:
            await _asked(wire, b"$%d" % into, b"ECHO", b"x" * into)
            await wire.hear(into + 2)
        else:
            await _asked(wire, b"+PONG", b"PING")

    async def leave(self, wire: CountedConnection) -> None:
        await _asked(wire, b"+OK", b"QUIT")
        await until_closed(wire)


async def _asked(wire: CountedConnection, answer: bytes, *words: bytes) -> None:
    await wire.say(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
    reply = (await wire.hear_line()).rstrip()
    if reply != answer:
        raise UnexpectedError(f"{words[0]!r} was answered with {reply!r}")
