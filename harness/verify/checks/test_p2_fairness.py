"""Does one client get its turn beside another who asks for much, and do many at once all get an answer?"""

import asyncio
from collections.abc import Sequence

import pytest

from harness.client.session import Client, connected
from harness.foundation.units import MS_PER_S, NS_PER_MS
from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.doors import said
from harness.verify.finding import fail, skip
from harness.verify.safe_calls import SafeCall, safe_calls
from harness.verify.target import CLOCK, TRIES, Target

pytestmark = [pytest.mark.concurrency, pytest.mark.http]
IN_FLIGHT, CLIENTS, CALLS = 50, 20, 3
REFUSING = {429, 503}
HOW = "annotate a tool that only reads (readOnlyHint), or declare a safe call in verify.yaml (tools.safe)"


def test_a_client_gets_its_turn_beside_one_with_fifty_calls(target: Target) -> None:
    """One call beside fifty of another client that are in flight; the best of three."""
    door, call = _safe(target)
    most_ms, best = target.spec.limits.beside * MS_PER_S, float("inf")
    for target.tries in range(1, TRIES + 1):
        light, took_ms, heavy = target.run(_beside(target, door, call))
        if _refused([light]):
            skip(
                f"it refused both clients ({said(light)}): it takes them for one",
                "verify it from two addresses, or with a limit above fifty calls",
            )
        if light.outcome != outcome.OK:
            fail(f"{call.tool}, during {IN_FLIGHT} calls of another client, ended with {said(light)}")
        if wrong := [each for each in heavy if each.outcome != outcome.OK and not _refused([each])]:
            fail(f"{call.tool}, {IN_FLIGHT} times at once, ended with {said(wrong[0])}")
        best = min(best, took_ms)
        if best <= most_ms:
            return
    fail(
        f"{call.tool} took {best:.0f} ms at best during {IN_FLIGHT} calls of another client, in {TRIES} tries; the limit is {most_ms:.0f} ms"
    )


def test_many_clients_at_once_are_all_answered(target: Target) -> None:
    """Twenty open a session each, call a tool that only reads three times, and leave."""
    door, call = _safe(target)

    async def all_of_them() -> list[list[Reply]]:
        return list(await asyncio.gather(*(_visit(target, door, call) for _ in range(CLIENTS))))

    replies = [reply for visit in target.run(all_of_them()) for reply in visit]
    if _refused(replies):
        skip(
            f"it refuses {CLIENTS} clients at once: {said(next(each for each in replies if each.status in REFUSING))}",
            "verify it with a higher limit",
        )
    wrong = [reply for reply in replies if reply.outcome != outcome.OK]
    if wrong:
        fail(f"{len(wrong)} of {len(replies)} calls of {CLIENTS} clients at once failed: {said(wrong[0])}")


async def _beside(target: Target, door: str, call: SafeCall) -> tuple[Reply, float, list[Reply]]:
    at, headers, timeout_s = target.places.of(door), target.headers, 4 * target.settings.timeout_s
    async with (
        connected(at, door, headers=headers, timeout_s=timeout_s) as heavy,
        connected(at, door, headers=headers, timeout_s=timeout_s) as light,
    ):
        await _called(light, call)  # a warm-up
        asked = [asyncio.create_task(_called(heavy, call)) for _ in range(IN_FLIGHT)]
        await asyncio.sleep(0)  # they are on their way
        began_ns = CLOCK.now_ns()
        reply = await _called(light, call)
        took_ms = (CLOCK.now_ns() - began_ns) / NS_PER_MS
        return reply, took_ms, list(await asyncio.gather(*asked))


async def _visit(target: Target, door: str, call: SafeCall) -> list[Reply]:
    async with connected(
        target.places.of(door), door, headers=target.headers, timeout_s=4 * target.settings.timeout_s
    ) as client:
        return [await _called(client, call) for _ in range(CALLS)]


async def _called(client: Client, call: SafeCall) -> Reply:
    return await client.call(call.tool, call.arguments)


def _safe(target: Target) -> tuple[str, SafeCall]:
    """A door, and a call of a tool that only reads, which works alone."""
    door = target.http_door()
    if door is None:
        skip("it has no door at which each call is a POST", "see the check that it speaks MCP")
    with target.client(door) as client:
        calls = safe_calls(target.tools(door) or [], target.spec.tools.safe)
        first_safe = next(
            (call for call in calls if client.call(call.tool, call.arguments).outcome == outcome.OK), None
        )
    if first_safe is None:
        skip("no tool that only reads answers", HOW)
    return door, first_safe


def _refused(replies: Sequence[Reply]) -> bool:
    return any(reply.status in REFUSING for reply in replies)
