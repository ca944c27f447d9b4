"""The tool `wait`: a call that takes a given time, and reports its progress."""

import asyncio
from typing import Final

from harness.reference.databases import Databases
from harness.reference.json_object import JsonObject
from harness.reference.progress import report

STEPS: Final = 10


async def wait(_databases: Databases, milliseconds: int) -> JsonObject:
    for step in range(STEPS):
        await asyncio.sleep(milliseconds / STEPS / 1000)
        await report(step + 1, STEPS)
    return {"waited_ms": milliseconds}
