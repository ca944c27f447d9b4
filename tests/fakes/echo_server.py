"""A server that answers every JSON-RPC call at once, for tests of the load itself: `python echo_server.py [HOST]`.

It prints its port. What it answers is the least that counts as a result; it is no MCP server.
"""

import asyncio
import re
import sys

NUMBER = re.compile(rb'"id": ?(\d+)')
LENGTH = re.compile(rb"(?i)content-length: ?(\d+)")


class Echo(asyncio.Protocol):
    """One connection; one request in flight."""

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
        self.transport.write(head % len(reply) + reply)  # type: ignore[attr-defined]


async def main(host: str) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, host, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"))
