"""`harness discover` against a real server: what is there, and how to load it."""

import asyncio
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.types import ToolAnnotations

from harness.cli import main
from harness.cli.discover import _lines
from harness.client.preflight import Discovered
from harness.conduct.setup.suggestion import commands_that_work
from harness.scenario.read import read_file, scenario_of
from tests.fakes import stdio_server
from tests.fakes.mcp_server import mcp_server, served


async def discovered(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str, str]:
    """Of a server with one tool."""
    async with mcp_server() as url:
        code = await asyncio.to_thread(main.run, ["discover", url, *more])
    out, err = capsys.readouterr()
    return code, out, err


async def test_a_server_is_shown_with_its_tools_and_a_command_that_would_load_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard output, in words."""
    code, out, _ = await discovered(capsys)

    assert code == 0
    assert "tiny 1.0 at http://127.0.0.1:" in out
    assert "speaks 2026-07-28" in out
    assert "  echo(message?)" in out
    assert "harness ramp --max 5 --url http://127.0.0.1:" in out
    assert "--call echo  # it may write" in out


async def test_as_json_it_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With the tools as the server describes them, in the version that was asked for."""
    code, out, _ = await discovered(capsys, "--json", "--protocol", "2025-11-25", "-H", "X-Token: t")
    found: dict[str, Any] = json.loads(out)

    assert code == 0
    assert (found["protocol"], found["server"]) == ("2025-11-25", {"name": "tiny", "version": "1.0"})
    assert [tool["name"] for tool in found["tools"]] == ["echo"]


async def test_proposed_commands_name_what_leads_to_the_server_and_hold_no_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """User and password of the URL, a key in its query, headers; a reference of the user's own stays."""
    monkeypatch.setenv("MINE", "mine7")
    async with mcp_server() as url:
        given = url.replace("http://", "http://me:secret7@") + "?api_key=key7&x=1"
        sent = ("-H", "Authorization: Bearer token7", "-H", "X-Mine: ${MINE}")
        assert await asyncio.to_thread(main.run, ["discover", given, *sent]) == 0
    out, err = capsys.readouterr()
    place = url.replace("http://", "http://${MCP_USER}:${MCP_PASSWORD}@") + "?api_key=${MCP_API_KEY}&x=1"

    assert [
        word
        for word in ("secret7", "key7", "token7", "mine7", "(hidden)")
        if word in err + out.partition("Load one")[2]
    ] == []
    assert (
        f"--url '{place}' -H 'Authorization: Bearer ${{MCP_AUTHORIZATION}}' -H 'X-Mine: ${{MINE}}' --all-tools"
        in out
    )
    assert "set MCP_USER, MCP_PASSWORD, MCP_API_KEY, MCP_AUTHORIZATION, MINE before" in out


def test_nothing_there_is_exit_4(capsys: pytest.CaptureFixture[str]) -> None:
    """In three lines, without a traceback."""
    assert main.run(["discover", "http://127.0.0.1:1/mcp"]) == 4
    out, err = capsys.readouterr()

    assert out == ""
    assert "is not there" in err


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Discovered("plain", None, None, None), ["A server without a name", "cannot be asked"]),
        (Discovered("2026-07-28", "s", None, []), ["s at u speaks 2026-07-28", "It has no tools"]),
        (
            Discovered("2026-07-28", "s", "1", [], {}, {"bad": "A is used twice"}),
            ["bad  must not be called: A is used"],
        ),
        (
            Discovered(
                "sse",
                "s",
                "1",
                [{"name": "x", "description": "does\n x", "inputSchema": {"properties": {"a": {}}}}],
            ),
            ["  x(a?)  does x", "Load one of them:"],
        ),
        (
            Discovered(
                "sse",
                "s",
                "1",
                [
                    {"name": "list", "inputSchema": ["a"], "annotations": 5},
                    {"name": "text", "inputSchema": "a", "annotations": "x"},
                    {"name": "number", "inputSchema": {"required": 5, "properties": [1]}},
                    {"name": "odd", "inputSchema": {"required": [5, "a"], "properties": {"a": "text"}}},
                ],
            ),
            ["  list()", "  text()", "  number()", "  odd(a)", "Load one of them:"],
        ),
    ],
)
def test_whatever_a_server_says_of_itself_can_be_shown(found: Discovered, expected: list[str]) -> None:
    """Much or little."""
    text = "\n".join(_lines("u", found))

    assert [words for words in expected if words not in text] == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://203.0.113.9/mcp", "203.0.113.9 is not this machine"),
        ("http://0.0.0.0:1/mcp", "0.0.0.0 is not an address of a server"),
        ("http://169.254.169.254/mcp", "is refused unless it is named on purpose"),
        ("ws://127.1/mcp", "is no IPv4 address"),
    ],
)
def test_it_goes_where_a_run_may_go(url: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with the flag that allows it, and nobody is asked."""
    assert main.run(["discover", url, "--protocol", "websocket"]) == 2
    out, err = capsys.readouterr()
    assert (out, says in err) == ("", True)


def test_another_machine_that_was_allowed_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Here nobody answers, which is another error."""
    url = "http://[::ffff:127.0.0.1]:1/mcp"
    assert main.run(["discover", url, "--allow-host", "::ffff:127.0.0.1"]) == 4
    assert "is not there" in capsys.readouterr().err


async def test_a_scenario_is_written_with_the_calls_that_worked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be read as it is; what may write is a comment; a file that is there is not written over."""
    server = MCPServer("shop")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    def look(shelf: str, most: int = 3) -> str:
        return shelf

    @server.tool()
    def buy(what: str) -> str:
        raise AssertionError("nobody asked for that")

    place = tmp_path / "my shop.yaml"
    async with served(server) as url:
        code = await asyncio.to_thread(
            main.run, ["discover", url, "--out", str(place), "-H", "X-Token: secret7"]
        )
        assert (code, main.run(["discover", url, "--out", str(place)])) == (0, 2)
    text = place.read_text(encoding="utf-8")

    assert "1 call that was tried and worked, 1 as comments" in capsys.readouterr().out
    assert "#   call: buy" in text.replace("# - call", "#   call")
    assert "secret7" not in text
    monkeypatch.setenv("MCP_X_TOKEN", "secret7")
    scenario = scenario_of(read_file(place), "it")
    assert scenario.target.headers == {"X-Token": "secret7"}
    assert [(call.call, set(call.args)) for call in scenario.workload] == [("look", {"shelf"})]
    assert scenario.think is False


@pytest.mark.parts
def test_a_server_over_stdio_is_started_shown_and_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By its command, which takes the place of an address."""
    place, words = tmp_path / "mine.yaml", shlex.join(stdio_server.command())
    assert main.run(["discover", "--command", words, "--out", str(place)]) == 0
    out, err = capsys.readouterr()
    scenario = scenario_of(read_file(place), "it")

    assert "speaks 2025-11-25" in out + err
    assert (scenario.target.transport, list(scenario.target.command)) == ("stdio", stdio_server.command())


@pytest.mark.parametrize(
    ("tool", "line"),
    [
        ({"annotations": {"readOnlyHint": True}}, "--max 50"),
        ({}, "--max 5 "),
        ({"inputSchema": {"type": "object", "properties": {"n": {"type": "array", "items": {"type": "integer", "minimum": 7}}}, "required": ["n"]}}, '{"n": [7]}'),
        ({"inputSchema": {"type": "object", "properties": {"n": False}, "required": ["n"]}}, None),
    ],
)  # fmt: skip
def test_proposed_commands_have_arguments_that_the_schema_allows_and_say_what_may_write(tool, line) -> None:
    found = commands_that_work({"t": {"name": "t"} | tool}, "http://127.0.0.1:1/mcp")

    everything = [text for text in found if "--allow-writes" in text]
    assert everything == ([] if "annotations" in tool or not found else found[-1:])
    found = [text for text in found if "--allow-writes" not in text]
    assert (
        [text for text in found if "--call" in text and str(line) in text] == found[-1:]
        if line
        else not found
    )
    assert [
        text for text in found if "--call" in text and ("may write" in text) is ("annotations" in tool)
    ] == []
