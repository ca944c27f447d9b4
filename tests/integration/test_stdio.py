"""npm's reference server over stdio: what the small one of the tests is checked against."""

from pathlib import Path

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.mcp.stdio_address import address
from harness.run_directory.undo import UndoJournal
from tests import getting
from tests.npm import EVERYTHING, installed


async def test_the_typescript_server_is_discovered_and_called_over_stdio(tmp_path: Path) -> None:
    """Its own words on both outputs are no hindrance."""
    script = installed(EVERYTHING) / "dist" / "index.js"
    where = address([getting.node_program("node"), str(script), "stdio"])
    with UndoJournal(tmp_path / "undo.jsonl") as undo:
        found = await preflight(where, "auto", timeout_s=90.0)
        async with connected(where, found.protocol, timeout_s=90.0) as client:
            reply = await client.call("echo", {"message": "hi"})
        assert undo.open() == []

    assert "echo" in {tool["name"] for tool in found.tools or []}
    assert reply.value()["content"][0]["text"] == "Echo: hi"
