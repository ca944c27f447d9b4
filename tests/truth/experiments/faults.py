"""Faults on links to servers that take one call at a time (tests/truth/faults.py): true, whatever the server is busy with.

A fault that happened is verified, or said to be unverifiable, and is healed; one that was lost behind our back is never verified.
"""

import asyncio
from collections.abc import Iterator

from tests.truth import faults
from tests.truth.rows import Form, Row, exactly

CALLS_MS, USERS, FOR_S = (1.0, 50.0, 220.0, 1000.0), (1, 5, 20), 10.0
SHORT_MS, SHORT_USERS = (50.0,), (5,)


def rows(form: Form) -> Iterator[Row]:
    for call_ms in CALLS_MS if form.long else SHORT_MS:
        for users in USERS if form.long else SHORT_USERS:
            for row in asyncio.run(_measured(call_ms, users)):
                theory = "true, healed"
                word = "true" if row.ok else row.word
                healed = "healed" if row.healed else "not healed"
                yield exactly(f"{call_ms:g} ms, {users} users: {row.name}", theory, f"{word}, {healed}")


async def _measured(call_ms: float, users: int) -> list[faults.Row]:
    names = faults.named(list(faults.FAULTS))
    return [row async for row in faults.measure(call_ms, users, FOR_S, names)]
