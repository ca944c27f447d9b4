"""A server that takes one call at a time, as a process: `python -m tests.truth.busy 220`; and users that keep it busy.

It has one thread. While it works on a call (that many milliseconds) it answers nobody, not /health either, and accepts no
connection. It prints its port, and ends when its standard input does. `python -m tests.truth.busy --users 5 URL` is a closed
load of so many users without think time, each on a connection of its own; it ends in the same way.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN_S = 0.1
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
NONE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nNot Found"
CALL = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"


async def serve(call_ms: float) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"POST"):
                    await reader.readexactly(2)
                    time.sleep(call_ms / 1000)
                writer.write(OK if head.startswith(b"POST") else NONE)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await _until_left_alone()


async def press(users: int, url: str) -> None:
    host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")

    async def use() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
                try:
                    while True:
                        writer.write(CALL)
                        await reader.readuntil(b"{}")
                finally:
                    writer.close()
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(AGAIN_S)

    using = [asyncio.ensure_future(use()) for _ in range(users)]
    await _until_left_alone()
    for each in using:
        each.cancel()


async def _until_left_alone() -> None:
    alone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), lambda: None if sys.stdin.buffer.raw.read(1) else alone.set())  # type: ignore[attr-defined]
    await alone.wait()


@contextmanager
def running(*arguments: str) -> Iterator[str]:
    """One of the two; of a server, where it is."""
    command = [sys.executable, "-m", "tests.truth.busy", *arguments]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield "" if arguments[0] == "--users" else f"http://127.0.0.1:{child.stdout.readline().strip()}"
    finally:
        child.kill()  # it may be in the middle of a call
        child.communicate()


if __name__ == "__main__":
    if sys.argv[1] == "--users":
        asyncio.run(press(int(sys.argv[2]), sys.argv[3]))
    else:
        asyncio.run(serve(float(sys.argv[1])))
