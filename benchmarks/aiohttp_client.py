"""The same calls from aiohttp, written as one would: a task a user, one session, each reply checked.

python benchmarks/aiohttp_client.py PORT PATH USERS SECONDS         prints one JSON object
"""

import asyncio
import json
import statistics
import sys
import time

import aiohttp

WARM_S = 0.5
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


class Client:
    """Users of one session, and what came of their calls."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.times_ms: list[float] = []
        self.failures = 0

    async def user(self, session: aiohttp.ClientSession) -> None:
        number = 0
        while True:
            number += 1
            params = {"name": "echo", "arguments": {"message": "hello"}}
            body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
            began_ns = time.perf_counter_ns()
            async with session.post(self.url, data=body, headers=HEADERS) as response:
                message = json.loads(await response.read())
            self.times_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            self.failures += message["id"] != number or bool(message["result"].get("isError"))

    async def run(self, users: int, seconds: float) -> dict[str, float]:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            tasks = [asyncio.create_task(self.user(session)) for _ in range(users)]
            await asyncio.sleep(min(WARM_S, seconds))
            calls, began, began_cpu = len(self.times_ms), time.monotonic(), time.process_time()
            await asyncio.sleep(seconds)
            measured = {
                "calls": len(self.times_ms) - calls,
                "seconds": time.monotonic() - began,
                "cpu_s": time.process_time() - began_cpu,
                "failures": self.failures,
                "median_ms": statistics.median(self.times_ms[calls:]),
            }
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return measured


if __name__ == "__main__":
    port, path, users, seconds = sys.argv[1:5]
    client = Client(f"http://127.0.0.1:{port}{path}")
    print(json.dumps(asyncio.run(client.run(int(users), float(seconds)))))
