"""Can its tools be called, and is what it says of them right?"""

import pytest

from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.messages import Reply
from harness.verify.doors import DOORS, said
from harness.verify.finding import fail, skip, undecided
from harness.verify.safe_calls import SafeCall, safe_calls
from harness.verify.schemas import faults
from harness.verify.target import Target

pytestmark = pytest.mark.tools
HOW_SAFE = "annotate a tool that only reads (readOnlyHint)"
REFUSED = {outcome.TOOL_ERROR, outcome.RPC_ERROR, outcome.INPUT_REQUIRED}


def test_each_tool_is_described_so_that_a_client_can_call_it(target: Target) -> None:
    """Names, and schemas of arguments and results."""
    newest = target.newest()
    if newest is None:
        skip("no door is offered", "see the check that it speaks MCP")
    if wrong := faults(target.tools(newest.name) or []):
        fail("\n".join(wrong))


@pytest.mark.parametrize("door", DOORS)
def test_a_tool_that_only_reads_answers(target: Target, door: str) -> None:
    """The first that does, of those that say most of what they take."""
    found = target.door(door)
    if not found.offered or found.broken:
        skip(f"it is not offered: {found.why}", "serve that version or transport, if clients need it")
    listed = _newest_name(target) if door == "plain" else door
    calls = safe_calls(target.tools(listed) or [], {})
    if not calls:
        skip("no tool is annotated as only reading", HOW_SAFE)
    refused = []
    for call in calls:
        reply = _called(target, door, call)
        if reply.outcome == outcome.OK:
            return
        if door == "plain" and reply.code == -32601:
            skip("it is not offered: names of tools are no methods there", "serve it, if clients need it")
        if reply.outcome not in REFUSED or (reply.status or 200) >= 500:
            fail(f"{call.tool} came to {said(reply)}")
        refused.append((call, reply))
    told = next(((call, reply) for call, reply in refused if call.told), None)
    if told is not None:
        undecided(f"{told[0].tool} came to {said(told[1])}: nobody has said whether that is as it should be")
    first, reply = refused[0]
    skip(f"arguments had to be guessed, and {first.tool} refused them: {said(reply)}", HOW_SAFE)


def _newest_name(target: Target) -> str:
    newest = target.newest()
    if newest is None:
        skip("no door is offered", "see the check that it speaks MCP")
    return newest.name


def _called(target: Target, door: str, call: SafeCall) -> Reply:
    if door == "plain":
        return target.exchange(new_session("plain").call(call.tool, call.arguments), target.places.plain)
    with target.client(door) as client:
        return client.call(call.tool, call.arguments)
