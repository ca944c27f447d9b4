"""Waiting for a server that is coming up: until it answers anything but that it cannot yet (502, 503, 504).

It is asked by a GET, which opens no session; what it answers is for the preflight to judge. When the time is over, so
is that it is not there: the preflight says it as always.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from harness.client.http import http_client
from harness.foundation.units import show_duration
from harness.mcp.messages import Request

STARTING: Final = frozenset({502, 503, 504})
ASKED_S, PAUSE_S_FIRST, PAUSE_S_MOST = 5.0, 0.1, 1.0
ASKING: Final = Request("arrival", b"", (("Accept", "text/event-stream"),), None, "GET")


async def awaited(url: str, wait_s: float, tell: Callable[[str], None]) -> None:
    """Wait until somebody answers there, for at most `wait_s`."""
    now_s = asyncio.get_running_loop().time
    until_s, pause_s, announced = now_s() + wait_s, PAUSE_S_FIRST, False
    url = f"http{url.removeprefix('ws')}" if url.startswith("ws") else url
    while (left_s := until_s - now_s()) > 0:
        async with http_client(url, min(ASKED_S, left_s), {}) as client:
            head = await client.head(ASKING)
        if head is not None and head.status not in STARTING:
            return
        if not announced:
            tell(f"Waiting up to {show_duration(wait_s)} for the server to come up")
            announced = True
        await asyncio.sleep(min(pause_s, max(0.0, until_s - now_s())))
        pause_s = min(2 * pause_s, PAUSE_S_MOST)
