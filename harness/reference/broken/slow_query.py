"""slow-query: execute_query takes 15 % longer than it does, to see whether a comparison finds that out.

A sleep is a little longer than asked for; what it was too long is taken off the next one, so that the mean is right.
"""

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

from harness.reference.databases import Databases
from harness.reference.json_object import JsonObject
from harness.reference.tools import Tool

LONGER: Final = 0.15


def execute_query(sound: Tool) -> Tool:
    """Return the tool with a wait behind each query."""
    owed_s = 0.0

    async def run(databases: Databases, **values: Any) -> JsonObject:
        nonlocal owed_s
        began_s = time.monotonic()
        answer = await sound.run(databases, **values)
        ended_s = time.monotonic()
        wait_s, owed_s = owed_s + (ended_s - began_s) * LONGER, 0.0
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        owed_s += wait_s - (time.monotonic() - ended_s)
        return answer

    return replace(sound, run=run)
