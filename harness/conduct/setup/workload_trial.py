"""Requests of the workload that only read are tried once before the load, with the arguments that the load will use.

A tool that refuses its arguments would fail thousands of times, and only the report would tell. This reports
it before the load begins, in the server's own words (exit 2). It tries tools that the server annotates as
read-only (`readOnlyHint`), resources, prompts and lists. Tools that may write are never tried: the first
calls of the load are watched instead (`harness.conduct.live.first_calls`).

A server that fails now and then is not mistaken for one that refuses: a request is tried up to `TRIES` times, and one
success is enough. A 429 (come back later) is no refusal either.
"""

from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from typing import Final

from harness.client.session import Client, connected
from harness.conduct.durability.entries import what_it_said
from harness.conduct.setup import feeding
from harness.conduct.setup.server import ServerUnderTest
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.load.workload import WorkloadEntry, works
from harness.mcp import outcome
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply
from harness.mcp.reply_content import value_of_reply
from harness.mcp.tool import only_reads
from harness.scenario.arguments import REPLY, NoValueError, Values
from harness.scenario.model import Scenario

TRIES: Final = 3
GOOD_ENOUGH: Final = frozenset({outcome.OK, outcome.INPUT_REQUIRED, outcome.RATE_LIMITED})


async def try_workload(scenario: Scenario, server: ServerUnderTest) -> int:
    """Try the requests; return their number; raise with the server's own words when one is refused."""
    values = Values()
    only_read = _only_read(scenario, server.discovered.tools or [], values)
    if not only_read:
        return 0
    door = server.door(through=False)
    session = connected(
        door.url,
        door.protocol,
        headers=door.headers,
        timeout_s=scenario.timeout,
        mirrored=server.discovered.mirrored,
    )
    random = Random(scenario.seed)
    rows = feeding.first_rows(scenario)
    async with session as client:
        for entry in only_read:
            values.now = known = dict(rows)
            for work in entry.steps or (entry,):
                try:
                    reply = await _reply(client, work, random)
                except NoValueError as error:
                    raise UsageError(
                        f"A step of {entry.operation} cannot be made: {error}",
                        "The reply before it does not have that",
                        "It was tried once before the load; correct the template",
                    ) from error
                _check(work, reply)
                known |= {REPLY: value_of_reply(reply)} | (
                    {work.name: value_of_reply(reply)} if work.name else {}
                )
    return sum(len(entry.steps) or 1 for entry in only_read)


def _only_read(scenario: Scenario, tools: Sequence[JsonObject], values: Values) -> list[WorkloadEntry]:
    """Return the entries of which every call only reads."""
    read_only = {tool["name"] for tool in tools if only_reads(tool)}
    entries = [
        entry
        for entry in scenario.workload
        if all(call.call is None or call.call in read_only for call in entry.steps or [entry])
    ]
    return works([asdict(call) for call in entries], values)


async def _reply(client: Client, work: WorkloadEntry, random: Random) -> Reply:
    for tried in range(1, TRIES + 1):
        drawn = work.draw(random, tried)
        if work.tool is not None:
            reply = await client.call(work.tool, drawn)
        else:
            reply = await client.request(work.method, drawn, work.operation)
        if work.expects is not None:
            reply = work.expects(reply)
        if reply.outcome in GOOD_ENOUGH:
            break
    return reply


def _check(work: WorkloadEntry, reply: Reply) -> None:
    if reply.outcome in GOOD_ENOUGH:
        return
    what = work.tool or work.operation
    if reply.outcome in outcome.CONNECTION_FAILURES:
        raise TargetUnreachableError(
            f"The target did not answer {what}",
            what_it_said(reply),
            "It was tried before the load; a slow server needs a longer --timeout",
        )
    if reply.outcome == outcome.UNEXPECTED:
        raise UsageError(
            f"The reply of {what} is not what was expected",
            reply.detail,
            "Correct --expect or the workload; to load it all the same: --expect-failures",
        )
    raise UsageError(
        f"{what} fails with the arguments that the load would use",
        what_it_said(reply),
        "Correct --args or the workload; to load it all the same: --expect-failures",
    )
