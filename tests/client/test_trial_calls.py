"""Everything a server offers is tried once, with arguments nobody wrote: what works makes the load, the rest says why not."""

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

from harness.client.offer import besides_tools, of_tools
from harness.client.preflight import preflight
from harness.client.session import connected
from harness.client.trial_calls import WRITES, Tried, reopening, try_all
from harness.mcp.schemas.learnt import Learnt
from tests.fakes.mcp_server import served

READS = ToolAnnotations(read_only_hint=True)


def shop(calls: list[str]) -> MCPServer:
    """A server whose tools want what others have shown."""
    server = MCPServer("shop")

    @server.tool(annotations=READS)
    def stock(rack_id: int, mode: str) -> str:
        calls.append("stock")
        if rack_id not in {501, 502}:
            raise ToolError(f"there is no rack {rack_id}")
        return f"{rack_id} {mode}"

    @server.tool(annotations=READS)
    def list_racks(most: int = 5) -> list[dict[str, int]]:
        calls.append("list_racks")
        return [{"id": 501}, {"id": 502}][:most]

    @server.tool(annotations=READS)
    def broken() -> str:
        raise ToolError("Database error")

    @server.tool()
    def buy(what: str) -> str:
        calls.append(f"buy {what}")
        return what

    @server.resource("shop://rules")
    def rules() -> str:
        return "be kind"

    @server.resource("shop://rack/{rack_id}")
    def rack(rack_id: str) -> str:
        return rack_id

    @server.prompt()
    def ask(topic: str) -> str:
        return topic

    return server


async def tried(calls: list[str], *, allow_writes: bool = False, seed: int = 0) -> dict[str, Tried]:
    async with served(shop(calls)) as url:
        found = await preflight(url, "auto", timeout_s=30.0)

        def opener():
            return connected(url, found.protocol, timeout_s=30.0)

        async with reopening(opener) as session:
            offered = of_tools(found.tools or []) + await session.with_client(besides_tools)
            done = await try_all(offered, session, seed=seed, allow_writes=allow_writes, learnt=Learnt())
    return {one.offered.name: one for one in done}


async def test_what_one_tool_shows_is_an_argument_of_another() -> None:
    calls: list[str] = []
    found = await tried(calls)

    assert {one["rack_id"] for one in found["stock"].examples} <= {501, 502}
    assert found["stock"].examples
    assert found["list_racks"].examples[0] == {}
    assert (found["broken"].left_out, found["broken"].refused) == ("tool_error: Error executing tool broken: Database error", False)  # fmt: skip
    assert (found["buy"].left_out, found["buy"].examples) == (WRITES, ())
    assert not [call for call in calls if call.startswith("buy")]
    assert found["shop://rules"].examples == ({"uri": "shop://rules"},)
    assert found["shop://rack/{rack_id}"].examples[0]["uri"].startswith("shop://rack/")
    assert set(found["ask"].examples[0]) == {"topic"}


async def test_what_writes_is_called_when_it_is_allowed_with_nothing_that_was_learnt() -> None:
    calls: list[str] = []
    found = await tried(calls, allow_writes=True)

    assert found["buy"].examples
    assert [call for call in calls if call.startswith("buy")]
    assert not [call for call in calls if call in {"buy 501", "buy 502"}]


async def test_the_seed_decides() -> None:
    """The same arguments in the same order."""
    one, other = await tried([], seed=4), await tried([], seed=4)

    assert {name: each.examples for name, each in one.items()} == {
        name: each.examples for name, each in other.items()
    }
