"""A server of known behaviour as a process: `python -m tests.truth.servers NAME '{"parameter": 1}'`.

It prints its port, and ends when its standard input does: with whoever has started it, however that ends.
"""

import asyncio
import gc
import json
import sys
from collections.abc import Callable
from typing import Any

from tests.truth.servers import failing, in_flight, queueing, recovering, sessions, stall, times, work
from tests.truth.servers.door import Door, Server, listen
from tests.truth.servers.timers import Timers

SERVERS: dict[str, Callable[..., Server]] = {
    "times": times.Times,
    "stall": stall.Stall,
    "in_flight": in_flight.InFlight,
    "failing": failing.Failing,
    "recovering": recovering.Recovering,
    "sessions": sessions.Sessions,
    "work": work.Work,
    "queueing": queueing.Queueing,
}


async def serve(name: str, parameters: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    door = Door(SERVERS[name](**parameters), Timers(loop), sessions=name == "sessions")
    port = await listen(door)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), lambda: None if sys.stdin.buffer.raw.read(1) else ended.set())
    gc.disable()  # a collection takes milliseconds, and a run is short
    print(port, flush=True)  # noqa: T201
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
