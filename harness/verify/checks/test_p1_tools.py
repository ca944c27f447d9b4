"""Can its tools be called, and is what it says of them right?"""

from pathlib import Path

import pytest

from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.messages import Reply
from harness.verify.doors import DOORS, said
from harness.verify.finding import fail, skip, undecided
from harness.verify.safe_calls import SafeCall, safe_calls
from harness.verify.schemas import faults
from harness.verify.spec import lock
from harness.verify.target import Target

pytestmark = pytest.mark.tools
HOW_SAFE = (
    "annotate a tool that only reads (readOnlyHint), or declare a safe call in verify.yaml (tools.safe)"
)
REFUSED = {outcome.TOOL_ERROR, outcome.RPC_ERROR, outcome.INPUT_REQUIRED}


def test_each_tool_is_described_so_that_a_client_can_call_it(target: Target) -> None:
    """Names, and schemas of arguments and results."""
    newest = target.newest()
    if newest is None:
        skip("it has no door that works", "see the check that it speaks MCP")
    if wrong := faults(target.tools(newest.name) or []):
        fail("\n".join(wrong))


def test_its_tools_are_those_of_the_lock(target: Target) -> None:
    """None is gone, none is new, and what each takes and brings is as it was."""
    named = target.spec.tools.lock
    if named is None:
        skip(
            "verify.yaml names no lock of tools",
            "harness verify --learn writes one; verify.yaml: tools {lock: FILE}",
        )
    kept = lock.read_file(Path(target.settings.spec_path).parent / named)
    if wrong := lock.differences(kept, target.tools(_newest_name(target)) or []):
        fail("\n".join(wrong))


def test_every_declared_safe_call_works(target: Target) -> None:
    """By the newest door; all of them are tried."""
    safe = target.spec.tools.safe
    if not safe:
        skip("no safe call is declared", "verify.yaml: tools {safe: {TOOL: {ARGUMENT: VALUE}}}")
    with target.client() as client:
        replies = {name: client.call(name, arguments) for name, arguments in safe.items()}
    wrong = [
        f"{name} ended with {said(reply)}" for name, reply in replies.items() if reply.outcome != outcome.OK
    ]
    if wrong:
        fail("\n".join(wrong))


@pytest.mark.parametrize("door", DOORS)
def test_a_tool_that_only_reads_answers(target: Target, door: str) -> None:
    """The first that does, of those that say most of what they take."""
    looked_at = target.door(door)
    if not looked_at.offered or looked_at.broken:
        skip(f"it is not offered: {looked_at.why}", "serve that version or transport, if clients need it")
    listed = _newest_name(target) if door == "plain" else door
    calls = safe_calls(target.tools(listed) or [], target.spec.tools.safe)
    if not calls:
        skip("no tool is annotated as only reading", HOW_SAFE)
    refused = []
    for call in calls:
        reply = _called(target, door, call)
        if reply.outcome == outcome.OK:
            return
        if door == "plain" and reply.code == -32601:
            skip("it does not take names of tools as methods", "serve it, if clients need it")
        if call.declared or reply.outcome not in REFUSED or (reply.status or 200) >= 500:
            fail(f"{call.tool} ended with {said(reply)}")
        refused.append((call, reply))
    declared = next(((call, reply) for call, reply in refused if call.told), None)
    if declared is not None:
        undecided(
            f"{declared[0].tool} ended with {said(declared[1])}: verify.yaml does not say whether it should work"
        )
    first, reply = refused[0]
    skip(f"{first.tool} refused arguments that were guessed: {said(reply)}", HOW_SAFE)


def _newest_name(target: Target) -> str:
    newest = target.newest()
    if newest is None:
        skip("it has no door that works", "see the check that it speaks MCP")
    return newest.name


def _called(target: Target, door: str, call: SafeCall) -> Reply:
    if door == "plain":
        return target.exchange(new_session("plain").call(call.tool, call.arguments), target.places.plain)
    with target.client(door) as client:
        return client.call(call.tool, call.arguments)
