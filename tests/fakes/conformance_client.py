"""What the official conformance suite runs: our aiohttp client, told by the suite what to do and in which version.

    python tests/fakes/conformance_client.py URL

It does what a client of any server would do: looks, opens a session, reads and calls what there is, and closes it. Nothing
in it knows a scenario but what is asked of the client by word: values for tools that take some.
"""

import asyncio
import json
import os
import sys
from typing import Any

from harness.client.preflight import preflight
from harness.client.session import Client, connected
from harness.mcp import outcome

TIMEOUT_S = 10.0
VALUES = {"number": 5, "integer": 5, "string": "x", "boolean": True}


def accept(params: dict[str, Any]) -> dict[str, Any]:
    """A person who takes every default of a form, and confirms what has none."""
    properties = (params.get("requestedSchema") or {}).get("properties") or {}
    content = {
        name: schema.get("default", VALUES.get(schema.get("type"))) for name, schema in properties.items()
    }
    return {"action": "accept", "content": content}


def arguments_for(tool: dict[str, Any]) -> dict[str, Any]:
    properties = (tool.get("inputSchema") or {}).get("properties") or {}
    return {name: VALUES.get(schema.get("type")) for name, schema in properties.items()}


async def look_around(client: Client) -> None:
    """Resources and prompts, where there are any."""
    listed = await client.request("resources/list", {})
    for resource in (listed.mapping().get("resources") or [])[:3]:
        await client.request("resources/read", {"uri": resource["uri"]})
    listed = await client.request("prompts/list", {})
    for prompt in (listed.mapping().get("prompts") or [])[:3]:
        await client.request("prompts/get", {"name": prompt["name"], "arguments": {}})


async def main(url: str) -> None:
    version = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "auto")
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    found = await preflight(url, version, timeout_s=TIMEOUT_S)
    elicits = {"elicitation/create": accept} if "elicitation" in scenario or "sep-2322" in scenario else {}
    listen = "elicitation" in scenario
    async with connected(
        url, found.protocol, timeout_s=TIMEOUT_S, answers=elicits, mirrored=found.mirrored, listen=listen
    ) as client:
        if scenario == "http-standard-headers":
            await look_around(client)
        calls = context.get("toolCalls") or [
            {"name": tool["name"], "arguments": arguments_for(tool)} for tool in found.tools or []
        ]
        for call in calls:
            reply = await client.call(call["name"], call["arguments"])
            if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}:  # some tools are only listed
                sys.exit(f"{call['name']}: {reply.outcome} {reply.detail}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
