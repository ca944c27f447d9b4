"""Do concurrent clients each get their own results?"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from harness.client.session import Client, connected
from harness.foundation.untrusted.printable import printable
from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.target import Target
from harness.verify.variants import Pair, leaves, pairs, telling

pytestmark = [pytest.mark.concurrency, pytest.mark.http]
ROUNDS, BESIDE = 3, 10
SHOWN = 60


def test_no_call_brings_what_another_asked_for(target: Target) -> None:
    """Ten calls of each of two clients at once, three times over; each pair of calls was made alone before."""
    door = target.http_door()
    call_pairs = pairs(target.tools(door) or []) if door else []
    compared = 0
    for pair in call_pairs:
        compared += target.run(_compared(target, str(door), pair))
    if not compared:
        skip(
            "no tool that only reads has an argument with listed values that its result depends on",
            "annotate one that does (readOnlyHint), and list the values (enum)",
        )


async def _compared(target: Target, door: str, pair: Pair) -> bool:
    """Whether these two calls can be told apart; a failure when one brought the other's."""
    at, headers, timeout_s = target.places.of(door), target.headers, target.settings.timeout_s
    async with (
        connected(at, door, headers=headers, timeout_s=timeout_s) as client,
        connected(at, door, headers=headers, timeout_s=timeout_s) as other,
    ):
        alone = [
            await _called(who, pair.tool, what) for _ in range(2) for who, what in _both(client, other, pair)
        ]
        if any(reply.outcome != outcome.OK for reply in alone):
            return False  # for the check of tools to say
        tells = telling(*([leaves(reply.value()) for reply in alone[start::2]] for start in range(2)))
        if not tells:
            return False
        for _ in range(ROUNDS):
            at_once = [
                _called(who, pair.tool, what)
                for _ in range(BESIDE)
                for who, what in _both(client, other, pair)
            ]
            replies = await asyncio.gather(*at_once)
            for index, reply in enumerate(replies):
                _judge(pair, reply, tells, index % 2)
    return True


def _both(client: Client, other: Client, pair: Pair) -> tuple[tuple[Client, Mapping[str, Any]], ...]:
    return (client, pair.one), (other, pair.other)


async def _called(client: Client, tool: str, arguments: Mapping[str, Any]) -> Reply:
    return await client.call(tool, arguments)


def _judge(pair: Pair, reply: Reply, tells: Mapping[str, tuple[Any, Any]], which: int) -> None:
    if reply.outcome != outcome.OK:
        fail(f"{pair.tool}, called {2 * BESIDE} times at once, ended with {said(reply)}")
    brought = leaves(reply.value())
    for path, values in tells.items():
        if brought.get(path) == values[1 - which]:
            asked = printable(repr((pair.one, pair.other)[which].get(pair.argument)), SHOWN)
            fail(
                f"{pair.tool} with {pair.argument} {asked} returned {printable(repr(brought[path]), SHOWN)} at "
                f"{printable(path.lstrip('.'), SHOWN)}: that is the value of another call made at the same time"
            )
