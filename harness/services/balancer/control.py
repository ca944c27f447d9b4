"""The harness's side: starts the balancer, and tells it what to do.

async with balanced(log_dir, Balance.SESSION) as balancer:
    await balancer.join("target", "127.0.0.1", 8000)
    await balancer.drain("target", within_s=10)
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from harness.foundation.clock import within
from harness.foundation.errors import ServiceError
from harness.services.balancer.orders import LINE_BYTES_MOST, Drain, Join, Look, Order, Status
from harness.services.balancer.routing import Balance
from harness.services.processes.process import running

NAME: Final = "balancer"
ANSWER_S: Final = 10.0
_read: Final = msgspec.json.Decoder(Status)


@dataclass(slots=True)
class Balancer:
    """A balancer that runs."""

    port: int
    _reader: asyncio.StreamReader = field(repr=False)
    _writer: asyncio.StreamWriter = field(repr=False)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def join(self, name: str, host: str, port: int) -> None:
        """Relay to this process; it takes the place of an earlier one of that name."""
        await self._told(Join(name, host, port))

    async def drain(self, name: str, *, within_s: float) -> None:
        """Take a process out of service, and wait so long for what is under way there."""
        await self._told(Drain(name, within_s), ANSWER_S + within_s)

    async def status(self) -> Status:
        return await self._told(Look())

    async def _told(self, order: Order, within_s: float = ANSWER_S) -> Status:
        async with self._one_at_a_time:
            try:
                async with within(within_s):
                    self._writer.write(msgspec.json.encode(order) + b"\n")
                    await self._writer.drain()
                    line = await self._reader.readline()
            except (TimeoutError, OSError) as error:
                raise _silent() from error
            if not line:
                raise _silent()
            return _read.decode(line)


def _silent() -> ServiceError:
    return ServiceError("The balancer does not answer", f"Its log is {NAME}.log")


@asynccontextmanager
async def balanced(log_dir: Path, balance: Balance) -> AsyncIterator[Balancer]:
    """Start a balancer that has no process yet; it ends with the block."""
    ours, theirs = socket.socketpair()
    argv = [sys.executable, "-P", "-m", "harness.services.balancer", str(theirs.fileno()), str(balance)]
    with (
        ours,
        theirs,
    ):  # ours is closed last: the balancer ends when it is, and shall end because it is asked to
        async with running(
            argv, name=NAME, log=log_dir / f"{NAME}.log", pass_fds=(theirs.fileno(),), part=NAME
        ) as child:
            theirs.close()
            reader, writer = await asyncio.open_connection(sock=ours.dup(), limit=LINE_BYTES_MOST)
            balancer = Balancer(0, reader, writer)
            try:
                balancer.port = (await balancer.status()).port
            except ServiceError as error:
                raise ServiceError("The balancer did not start", child.last_words()) from error
            yield balancer
        writer.close()
