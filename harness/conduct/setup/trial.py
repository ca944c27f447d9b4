"""Work is tried once before the load: an entry is written, and has to be found when it is read back.

A write that is refused, a read that is refused, or an entry that is not there afterwards is a mistake of the scenario
(exit 2), reported in the server's own words: a run could only count wrongly. A server that shows new entries
with a delay has `SHOWS_S`.

The trial entry has the number 0, and is not counted.
"""

from harness.conduct.durability.entries import (
    AGAIN_S,
    EntryRequest,
    WorkEntries,
    opened_session,
    what_it_said,
)
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.units import NS_PER_S
from harness.mcp import outcome
from harness.mcp.messages import Reply

SHOWS_S = 5.0


async def tried(entries: WorkEntries, writing: EntryRequest, reading: EntryRequest) -> None:
    """Raise UsageError, with the server's words, unless an entry can be written and read back."""
    entry = entries.entry(0)
    async with opened_session(writing) as client:
        reply = await client.call(entries.work.write.call, entries.arguments(entries.work.write, entry, 0))
    _check(reply, "write", entries.work.write.call)
    limit_ns = entries.clock.now_ns() + int(SHOWS_S * NS_PER_S)
    while True:
        back = await entries.read_once(reading)
        if entry in back.found:
            return
        if back.why or entries.clock.now_ns() >= limit_ns:
            break
        await entries.clock.sleep(AGAIN_S)
    if back.why:
        raise UsageError(
            f"What work writes cannot be read back: {entries.work.read.call} was refused",
            back.why,
            "It was tried once before the load; correct work.read",
        )
    raise UsageError(
        f"What work has written is not found when it is read back with {entries.work.read.call}",
        f"{entries.work.write.call} was answered with a result, and {entry} is nowhere in what was read",
        "Put {{entry}} into the arguments of work.write, and let work.read return every entry",
    )


def _check(reply: Reply, key: str, tool: str) -> None:
    if reply.outcome == outcome.OK:
        return
    if reply.outcome in outcome.CONNECTION_FAILURES:
        raise TargetUnreachableError(
            f"The target did not answer {tool}, which work.{key} calls",
            what_it_said(reply),
            "It was tried once before the load",
        )
    raise UsageError(
        f"What work.{key} asks for was refused: {tool}",
        what_it_said(reply),
        f"It was tried once before the load; correct work.{key}",
    )
