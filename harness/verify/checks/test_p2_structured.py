"""Do tools bring what their outputSchema promises? The specification: structured results must conform to it."""

import pytest

from harness.mcp import outcome
from harness.mcp.discover import TOOLS_BYTES_MAX
from harness.verify.finding import fail, skip
from harness.verify.safe_calls import safe_calls
from harness.verify.structured import can_be_held, differs
from harness.verify.target import Target

pytestmark = pytest.mark.tools
SHOWN_MOST = 5


def test_what_a_tool_brings_matches_its_output_schema(target: Target) -> None:
    """Only tools that read are called; text patterns are not checked."""
    newest = target.newest()
    door = target.http_door() or (newest.name if newest else None)
    listed = (target.tools(door) or []) if door else []
    promised = {
        tool["name"]: tool["outputSchema"]
        for tool in listed
        if isinstance(tool.get("outputSchema"), dict) and can_be_held(tool["outputSchema"])
    }
    if door is None or not promised:
        skip(
            "no tool has an outputSchema",
            "give tools an outputSchema if clients rely on the structure of results",
        )
    calls = safe_calls(
        [tool for tool in listed if tool["name"] in promised], target.spec.tools.safe, most=len(listed)
    )
    wrong, held = [], 0
    with target.client(door) as client:
        for call in calls:
            reply = client.call(call.tool, call.arguments)
            if reply.outcome != outcome.OK:
                continue  # for the check of tools to say
            held += 1
            result = reply.mapping(TOOLS_BYTES_MAX)
            if "structuredContent" not in result:
                wrong.append(f"{call.tool} has an outputSchema, but its result has no structured content")
            elif why := differs(result["structuredContent"], promised[call.tool]):
                wrong.append(f"{call.tool}: {why}")
    if wrong:
        fail("\n".join(wrong[:SHOWN_MOST]))
    if not held:
        skip(
            "no tool with an outputSchema could be called",
            "annotate one that only reads (readOnlyHint), or declare a safe call in verify.yaml (tools.safe)",
        )
