"""The recording proxy between the official SDK's client and server: nothing is changed on the way, and what was asked is kept."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from harness.cli.record import _written
from harness.client.recorder import Recorder, recording_proxy
from harness.foundation.addresses import resolved
from harness.run_directory import private_files
from harness.scenario.recording import recording
from harness.services.processes.ports import free_port
from tests.fakes.accepting import accepting
from tests.fakes.mcp_server import served
from tests.fakes.session_server import session_server
from tests.fakes.wire import read_request


@asynccontextmanager
async def recorded() -> AsyncIterator[tuple[Recorder, str]]:
    """A server with two tools, and the proxy before it."""
    server = MCPServer("tiny", version="1.0")

    @server.tool()
    def echo(message: str) -> str:
        return message

    @server.tool()
    async def steps(context: Context) -> str:
        for number in range(3):
            await context.report_progress(number, 3)
        return "done"

    async with served(server) as url, proxied(url) as found:
        yield found


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Recorder, str]]:
    with vetted():
        async with recording_proxy(url, "127.0.0.1", 0) as found:
            yield found


@contextmanager
def vetted() -> Iterator[None]:
    with resolved.in_force({}):
        yield


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_official_client_works_through_it_and_its_calls_are_kept(mode: str) -> None:
    """In both eras: with a session and its stream, and with an envelope in each request."""
    told: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(progress)

    async with recorded() as (recorder, url):
        async with Client(url, mode=mode) as client:  # type: ignore[arg-type]
            await client.list_tools()
            first = await client.call_tool("echo", {"message": "hällo"})
            await client.call_tool("steps", {}, progress_callback=on_progress)
            await client.call_tool("echo", {"message": "password: hunter2hunter2"})
        made = recording(recorder.requests)

    assert first.structured_content == {"result": "hällo"}
    assert told == [0, 1, 2]
    assert recorder.protocol == {"legacy": "2025-11-25", "auto": "2026-07-28"}[mode]
    assert recorder.listens is (mode == "legacy")
    (session,) = made.sessions
    assert [{key: step[key] for key in step if key != "after"} for step in session["steps"]] == [
        {"list": "tools"},
        {"call": "echo", "args": {"message": "hällo"}},
        {"call": "steps"},
        {"call": "echo", "args": {"message": "password: ${MCP_MESSAGE}"}},
    ]


async def test_events_go_on_when_they_come_and_an_end_is_an_end() -> None:
    """A stream that stays open is seen event by event; that it was cut is seen, too."""
    with session_server() as server:
        async with proxied(server.url) as (_, url), aiohttp.ClientSession() as http:
            accept = {"Accept": "text/event-stream", "X-Mine": "1"}
            async with http.get(url, headers=accept) as stream:
                assert stream.status == 200
                async with asyncio.timeout(20):
                    while not server.streams:
                        await asyncio.sleep(0.001)
                server.streams[0].sendall(b"event: message\ndata: {}\n\n")
                assert await stream.content.readany() == b"event: message\ndata: {}\n\n"
                server.cut_streams()
                assert await stream.content.readany() == b""


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (b"", aiohttp.ServerDisconnectedError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", aiohttp.ClientPayloadError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", aiohttp.ClientPayloadError),
        (
            b"HTTP/1.1 200 OK\r\nX: a\x1b[2J\x00\r\nContent-Length: 2\r\n\r\n{}",
            aiohttp.ServerDisconnectedError,
        ),
    ],
)
async def test_a_connection_that_ends_early_does_so_for_the_client(
    wire: bytes, said: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """Before a reply, or in the middle of one; nobody is told of it by a traceback."""

    def cut(sock: socket.socket) -> None:
        read_request(sock)
        sock.sendall(wire)
        sock.close()

    with accepting(cut) as origin:
        async with proxied(f"{origin}/mcp") as (_, url), aiohttp.ClientSession() as http:
            with pytest.raises((said, aiohttp.ClientOSError)):
                async with http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}) as reply:
                    await reply.read()
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_server_that_is_not_there_is_said_so() -> None:
    """502, and counted; no request is kept as answered."""
    gone = f"http://127.0.0.1:{free_port()}/mcp"
    async with (
        proxied(gone) as (recorder, url),
        aiohttp.ClientSession() as http,
        http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}) as reply,
    ):
        assert reply.status == 502
    assert (recorder.failed, recorder.requests) == (1, [])


async def test_a_credential_of_a_header_is_a_secret_wherever_the_client_repeats_it(tmp_path: Path) -> None:
    """In arguments under any name; and the file is for its owner alone."""
    with session_server() as server:
        async with proxied(server.url) as (recorder, url), aiohttp.ClientSession() as http:
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "x", "arguments": {"note": "T0ken-of-the-client"}}}  # fmt: skip
            async with http.post(
                url, json=message, headers={"Authorization": "Bearer T0ken-of-the-client"}
            ) as reply:
                await reply.read()
    mask = os.umask(0o022)
    try:
        private_files.begin()
        assert _written(recorder, "http://127.0.0.1:1/mcp", tmp_path / "r.yaml", ()) == 0
    finally:
        os.umask(mask)
    assert "T0ken-of-the-client" not in (tmp_path / "r.yaml").read_text()
    assert stat.S_IMODE((tmp_path / "r.yaml").stat().st_mode) == 0o600
