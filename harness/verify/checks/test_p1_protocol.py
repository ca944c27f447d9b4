"""Does it speak MCP, on each door that it offers?"""

import pytest

from harness.foundation.untrusted.documents import short
from harness.mcp import outcome
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS
from harness.mcp.discover import TOOLS_BYTES_MAX
from harness.mcp.messages import Reply
from harness.verify.doors import DOORS, said
from harness.verify.finding import fail, skip, undecided
from harness.verify.target import OpenClient, Target

pytestmark = pytest.mark.protocol
REPLICAS = 12  # so many new connections: of two replicas that take turns, or draw lots, one is missed once in 4,000 times
PAGES_MOST = 50
HOW = "serve that version or transport, if clients need it"


def test_it_speaks_mcp(target: Target) -> None:
    """By one door at least."""
    if target.newest() is None:
        if not target.headers and all("HTTP 401" in target.door(name).why for name in HANDSHAKE_VERSIONS):
            undecided(
                "it asks for credentials, and none were given: -H 'Authorization: ...', or auth.good in verify.yaml"
            )
        tried = [target.door(name) for name in DOORS if name != "plain"]
        fail("no door is offered:\n" + "\n".join(f"{door.name}: {door.why}" for door in tried))


def test_it_is_the_build_that_is_expected(target: Target) -> None:
    """By the name and the version that it gives itself."""
    expected = target.spec.identity
    if expected.name is None and expected.version is None:
        skip("verify.yaml does not say which server it should be", "verify.yaml: identity {name, version}")
    doors = {door.name: [door.server] for door in target.doors() if door.server != (None, None)}
    if not doors:
        fail("it does not state its name")
    first = next(iter(doors))
    if not target.is_stdio:  # where each is a process of the same command
        doors[first] += target.introductions(first, REPLICAS)
    for door, servers in doors.items():
        for server in servers:
            for what, wanted, actual in zip(
                ("name", "version"), (expected.name, expected.version), server, strict=True
            ):
                if wanted is not None and wanted != actual:
                    fail(f"its {what} is {short(str(actual))}, not {short(wanted)} [{door}]")


def _follow(client: OpenClient, reply: Reply) -> None:
    """Every page after the first, as far as there are cursors."""
    for page in range(2, PAGES_MOST + 1):
        cursor = reply.mapping(TOOLS_BYTES_MAX).get("nextCursor") if reply.outcome == outcome.OK else None
        if not isinstance(cursor, str) or not cursor:
            return
        reply = client.request("tools/list", {"cursor": cursor})
        if reply.outcome != outcome.OK:
            fail(f"page {page} of tools/list ended with {said(reply)}")
    fail(f"tools/list has more than {PAGES_MOST} pages")


@pytest.mark.parametrize("door", [name for name in DOORS if name != "plain"])
def test_a_session_is_opened_and_lists_its_tools(target: Target, door: str) -> None:
    """The handshake of that door, where it has one, and all pages of the list."""
    looked_at = target.door(door)
    if looked_at.broken:
        fail(looked_at.why)
    if not looked_at.offered and door in target.spec.doors:
        fail(f"verify.yaml expects it, and it is not offered: {looked_at.why}")
    if not looked_at.offered:
        skip(f"it is not offered: {looked_at.why}", HOW)
    with target.client(door) as client:
        reply = client.request("tools/list", {})
        _follow(client, reply)
    if reply.outcome == outcome.RPC_ERROR and reply.code == -32601:
        skip(
            "it has no tools: it has no method tools/list",
            "write checks of your own for a server without tools",
        )
    if reply.outcome != outcome.OK:
        fail(f"tools/list ended with {said(reply)}")
    if not isinstance(reply.mapping(TOOLS_BYTES_MAX).get("tools"), list):
        fail("the answer to tools/list has no list of tools")
