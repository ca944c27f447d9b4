"""A server with one worker and a queue before it: `python -m tests.fakes.queueing_server PORT CALLS_PER_S`.

Plain JSON-RPC. It works through whatever was asked in the order in which it came, also for those who have gone since:
so it can be kept down by clients who try again. /health is answered at once.
"""

import asyncio
import json
import re
import sys


async def serve(port: int, per_s: float) -> None:
    turn = asyncio.Lock()

    async def work() -> None:
        async with turn:
            await asyncio.sleep(1 / per_s)

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
                body = await reader.readexactly(int(found[1])) if found else b""
                said = b"healthy"
                if not head.startswith(b"GET"):
                    await work()
                    said = json.dumps({"jsonrpc": "2.0", "id": json.loads(body)["id"], "result": {}}).encode()
                kind = b"Content-Type: application/json\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (kind, len(said), said))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
