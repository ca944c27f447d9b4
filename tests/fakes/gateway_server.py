"""A gateway whose added latency is known: it passes bytes on, those of a client each MS milliseconds after they came.

    python gateway_server.py PORT_OF_THE_SERVER MS

It prints its own address when it listens.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, after_s: float) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            if after_s:
                await asyncio.sleep(after_s)
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(port: int, after_s: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(passed_on(reader, back, after_s), passed_on(there, writer, 0.0))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


@contextmanager
def gateway(port: int, added_ms: float) -> Iterator[str]:
    """The URL of such a gateway, in a process of its own."""
    argv = [sys.executable, __file__, str(port), str(added_ms)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
