"""`harness discover` against a real server: what is there, and how to load it."""

import asyncio
import json
from typing import Any

import pytest

from harness.cli import main
from harness.cli.discover import _lines
from harness.client.preflight import Discovered
from tests.fakes.mcp_server import mcp_server


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
    assert "harness ramp --max 50 --url http://127.0.0.1:" in out
    assert "--call echo" in out


async def test_as_json_it_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With the tools as the server describes them, in the version that was asked for."""
    code, out, _ = await discovered(capsys, "--json", "--protocol", "2025-11-25", "-H", "X-Token: t")
    found: dict[str, Any] = json.loads(out)

    assert code == 0
    assert (found["protocol"], found["server"]) == ("2025-11-25", {"name": "tiny", "version": "1.0"})
    assert [tool["name"] for tool in found["tools"]] == ["echo"]


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
