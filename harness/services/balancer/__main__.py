"""`python -m harness.services.balancer FD BALANCE`: relays, and does what it is told over that socket.

A line of JSON in, a line of JSON out. It ends when the harness does: the socket is closed then.
"""

import asyncio
import resource
import socket
import sys
from contextlib import suppress

from harness.services.balancer.orders import LINE_BYTES_MOST, Orders
from harness.services.balancer.relay import ClientSide, Relay
from harness.services.balancer.routing import Balance, Router

BACKLOG = 4_096


async def serve(asked: socket.socket, balance: Balance) -> None:
    """Serve until the other end of the socket is closed."""
    relay = Relay(Router([], balance))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ClientSide(relay), "127.0.0.1", 0, backlog=BACKLOG)
    port = int(server.sockets[0].getsockname()[1])
    reader, writer = await asyncio.open_connection(sock=asked, limit=LINE_BYTES_MOST)
    orders = Orders(relay, port)
    while line := await reader.readline():
        writer.write(await orders.carry_out(line) + b"\n")
        await writer.drain()


def main() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), Balance(sys.argv[2])))


if __name__ == "__main__":
    main()
