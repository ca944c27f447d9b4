"""The asyncio client over stdio: a server that is started, asked, and gone afterwards, whatever it does."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.client.stdio import stdio_client
from harness.foundation.errors import TargetUnreachableError
from harness.mcp import outcome
from harness.mcp.dialects import new_session
from harness.mcp.stdio_address import address
from harness.run_directory.undo import UndoJournal
from harness.services.processes import proctable
from tests.fakes import hostile_stdio
from tests.fakes.stdio_server import command

pytestmark = pytest.mark.parts

LONG_S = 60.0


@pytest.fixture(autouse=True)
async def journal(tmp_path: Path) -> AsyncIterator[UndoJournal]:
    """Nothing is started that nobody would end."""
    with UndoJournal(tmp_path / "undo.jsonl") as undo:
        yield undo
    assert undo.open() == []


async def test_a_server_over_stdio_is_discovered_and_called() -> None:
    """Its version is agreed on, its tools are listed, its reply is the tool's."""
    where = address(command())
    found = await preflight(where, "auto", timeout_s=LONG_S)
    async with connected(where, found.protocol, timeout_s=LONG_S) as client:
        reply = await client.call("echo", {"message": "hi"})
        pid = int((await client.call("pid", {})).value()["content"][0]["text"])
        assert proctable.read(pid) is not None

    assert (found.protocol, found.server_name) == ("2025-11-25", "small")
    assert [tool["name"] for tool in found.tools or []] == ["echo", "pid"]
    assert (found.rss_bytes or 0) > 1_000_000
    assert reply.value() == {"content": [{"type": "text", "text": "hi"}]}
    assert proctable.read(pid) is None


@pytest.mark.parametrize(
    ("behaviour", "ended", "detail"),
    [
        ("asks", outcome.OK, ""),
        ("noise", outcome.OK, ""),
        ("flood", outcome.OK, ""),
        ("exit", outcome.DISCONNECTED, "exit code 3"),
        ("crash", outcome.DISCONNECTED, "SIGKILL"),
        ("endless", outcome.BAD_BODY, "16 MB"),
    ],
)
async def test_a_call_has_the_outcome_that_the_load_would_see(
    behaviour: str, ended: str, detail: str
) -> None:
    """The same bytes, the same words."""
    async with stdio_client(command(behaviour), LONG_S) as client:
        session = new_session("2025-11-25")
        await client.run(session.opening())
        reply = await client.exchange(session.call("echo", {"message": "hi"}))

    assert reply.outcome == ended
    assert detail in reply.detail


async def test_a_server_that_never_reads_or_never_answers_is_a_time_out() -> None:
    """Also when the request does not go into its pipe."""
    async with stdio_client(command("deaf"), 0.3) as client:
        reply = await client.exchange(new_session("2026-07-28").call("echo", {"message": "x" * 1_000_000}))

    assert reply.outcome == outcome.TIMEOUT


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["no-such-program-here"], "Cannot start no-such-program-here"),
        (["sh", "-c", "echo it lacks a key >&2; exit 3"], "exit code 3: it lacks a key"),
    ],
)
async def test_a_server_that_does_not_come_up_says_why(argv: list[str], why: str) -> None:
    """In its own last words (exit 4)."""
    with pytest.raises(TargetUnreachableError) as error:
        await preflight(address(argv), "auto", timeout_s=LONG_S)

    assert why in error.value.why
    assert error.value.todo.startswith("Run the command by hand")


@pytest.mark.parts
@pytest.mark.parametrize(
    "behaviour",
    ["starts and leaves a child that forgets whose it is", "leaves a child that forgets whose it is"],
)
async def test_a_process_that_forgets_whose_it_is_is_ended(behaviour: str) -> None:
    """It has a session of its own, no parent and no environment."""
    word = f"forgetful-{os.getpid()}"
    async with stdio_client(hostile_stdio.command(behaviour, word), 10.0) as client:
        await client.exchange(new_session("2026-07-28").call("anything", {}))

    assert not [each for each in proctable.table() if word in words_of(each)]


def words_of(pid: int) -> str:
    """Its command line; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
