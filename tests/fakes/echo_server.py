"""A server that answers every JSON-RPC call, for tests of the load itself: `python echo_server.py [HOST [SECONDS]]`.

It prints its port. What it answers is the least that counts as a result; it is no MCP server. Each answer takes so many
seconds: users who do not pause then leave the processors to other tests.
"""

import asyncio
import re
import sys

NUMBER = re.compile(rb'"id": ?(\d+)')
LENGTH = re.compile(rb"(?i)content-length: ?(\d+)")


class Echo(asyncio.Protocol):
    """One connection; one request in flight."""

    takes_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, end, body = self.data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        self.data = b""
        number = NUMBER.search(body)
        reply = b'{"jsonrpc":"2.0","id":%b,"result":{"content":[],"isError":false}}' % (
            number[1] if number else b"0"
        )
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.answer(head % len(reply) + reply)

    def answer(self, reply: bytes) -> None:
        """Now, or when its time has passed."""
        if self.takes_s:
            asyncio.get_running_loop().call_later(self.takes_s, self.transport.write, reply)  # type: ignore[attr-defined]
        else:
            self.transport.write(reply)  # type: ignore[attr-defined]


async def main(host: str = "127.0.0.1", takes_s: str = "0") -> None:
    Echo.takes_s = float(takes_s)
    server = await asyncio.get_running_loop().create_server(Echo, host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
