"""Are all who answer at this address the same? Behind a balancer one of them may have been left out of a deploy."""

import json

import pytest

from harness.foundation.untrusted.documents import short
from harness.verify.finding import fail, skip
from harness.verify.spec import lock
from harness.verify.target import Target

pytestmark = [pytest.mark.protocol, pytest.mark.http]
TIMES = 12  # so many new connections: of two replicas that draw lots, one is missed once in 4,000 times
SHOWN = 80


def test_everybody_who_answers_is_the_same_build(target: Target) -> None:
    """The name, the version and the tools, asked for on one new connection after the other."""
    door = target.http_door()
    if door is None:
        skip("it has no door at which each call is a POST", "see the check that it speaks MCP")
    telling = next((each.name for each in target.doors() if each.server != (None, None)), door)
    servers = {server for server in target.introductions(telling, TIMES) if server != (None, None)}
    if len(servers) > 1:
        named = sorted(short(" ".join(part or "?" for part in server), SHOWN) for server in servers)
        fail(f"{len(servers)} builds answer at this address: {', '.join(named)}")
    lists = {json.dumps(lock.locked(tools), sort_keys=True): tools for tools in target.listed(door, TIMES)}
    if len(lists) > 1:
        one, other = list(lists.values())[:2]
        lines = lock.differences(lock.locked(one), other)
        fail("\n".join(["who answers at this address does not always offer the same tools:", *lines]))
