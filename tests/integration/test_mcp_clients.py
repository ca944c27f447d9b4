"""Our clients and real servers: the official SDK in all its modes, npm's reference server, the reference target."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager

import gevent
import pytest

from harness.client.preflight import preflight
from harness.client.session import connected
from harness.load.inside.transport.deadlines import Deadlines
from harness.load.inside.transport.http_connection import HttpConnection
from harness.load.inside.transport.sse_connection import StreamConnection
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from tests import npm

SDK_SERVER = """
import logging, socket, sys, uvicorn
from mcp.server import MCPServer
logging.disable()  # a traceback in colours costs most of a second
server = MCPServer("tiny", version="1.0")

@server.tool()
def echo(message: str) -> str:
    executed["echo"] += 1
    return message

executed = {"echo": 0, "fail": 0, "read": 0, "got": 0}

@server.tool()
def fail() -> str:
    executed["fail"] += 1
    raise ValueError("it broke")

@server.tool()
def count() -> dict[str, int]:
    return executed

@server.resource("memo://note")
def note() -> str:
    executed["read"] += 1
    return "remember"

@server.prompt()
def greet(name: str) -> str:
    executed["got"] += 1
    return "Greet " + name

if "sse" in sys.argv:
    app = server.sse_app()
else:
    app = server.streamable_http_app(json_response="json" in sys.argv, stateless_http="stateless" in sys.argv)
sock = socket.socket()
sock.bind(("127.0.0.1", 0))
sock.listen(100)
print(sock.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[sock])
"""
MODES = ["events", "json", "stateless", "json stateless"]
VERSIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]


@contextmanager
def sdk_server(*mode: str) -> Iterator[str]:
    """The origin of a server of the official SDK, answering in this mode."""
    process = subprocess.Popen(
        [sys.executable, "-c", SDK_SERVER, *mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    port = int(process.stdout.readline())
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module", params=MODES)
def sdk_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with sdk_server(*request.param.split()) as origin:
        yield f"{origin}/mcp"


@pytest.fixture(scope="module")
def sse_url() -> Iterator[str]:
    with sdk_server("sse") as origin:
        yield f"{origin}/sse"


async def test_the_dialect_of_the_official_sdk_is_found(sdk_url: str) -> None:
    """With its name, its version and its tools."""
    found = await preflight(sdk_url, "auto", timeout_s=20)

    assert (found.protocol, found.server_name, found.server_version) == ("2026-07-28", "tiny", "1.0")
    assert {tool["name"] for tool in found.tools or []} == {"echo", "fail", "count"}


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_official_sdk_answers_the_asyncio_client_in_every_version(
    sdk_url: str, version: str
) -> None:
    """Right and wrong calls, called what they are."""
    found = await preflight(sdk_url, version, timeout_s=20)
    async with connected(sdk_url, version, timeout_s=20) as client:
        right = await client.call("echo", {"message": "hällo"})
        wrong = await client.call("fail", {})
        unknown = await client.request("no/such/method", {})

    assert found.protocol == version
    assert right.value()["content"] == [{"type": "text", "text": "hällo"}]
    assert (wrong.outcome, wrong.detail) == (outcome.TOOL_ERROR, "Error executing tool fail")
    assert (unknown.outcome, unknown.code) == (outcome.RPC_ERROR, -32601)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_sdk_answers_the_load_s_connection_in_every_version(sdk_url: str, version: str) -> None:
    """The same, on one connection that is used again for every call."""
    done = in_one_session(sdk_url, version)
    outcomes = [one.reply.outcome for one in done]

    assert set(outcomes[:-2]) == {outcome.OK}
    assert outcomes[-2:] == [outcome.TOOL_ERROR, outcome.OK]
    assert [one.reused for one in done] == [False] + [True] * (len(done) - 1)


def in_one_session(url: str, version: str, failing: str = "fail") -> list:
    """Open, ten calls, one that fails, one more, close."""
    connection = HttpConnection(url, Deadlines(), 20.0)
    session = new_session(version)
    done = []

    def exchange(request) -> Reply:
        done.append(connection.exchange(request))
        return done[-1].reply

    opening = session.opening()
    try:
        request = next(opening)
        while True:
            request = opening.send(exchange(request))
    except StopIteration:
        pass
    for number in range(10):
        exchange(session.call("echo", {"message": f"{number}"}))
    exchange(session.call(failing, {}))
    exchange(session.call("echo", {"message": "still there"}))
    for goodbye in session.closing():
        assert connection.exchange(goodbye).reply.outcome == outcome.OK
    connection.close()
    return done


async def test_a_session_that_was_closed_is_lost(sdk_url: str) -> None:
    """404 of a server that knew it; a stateless one takes any."""
    async with connected(sdk_url, "2025-11-25", timeout_s=20) as client:
        session = client._session
        kept = session.session_id
        assert (await client.call("echo", {"message": "hi"})).outcome == outcome.OK
        for goodbye in session.closing():
            await client._carrier.exchange(goodbye)
        session.session_id = kept  # as one does who has not noticed
        after = await client.call("echo", {"message": "hi"})

    assert after.outcome == (outcome.OK if kept is None else outcome.SESSION_LOST)


USERS, ROUNDS = 8, 4
# What a call of each kind must be called; "broken" is for npm's server, which has tools of its own.
KINDS = {
    "echo": outcome.OK,
    "fail": outcome.TOOL_ERROR,
    "broken": outcome.TOOL_ERROR,
    "read": outcome.OK,
    "got": outcome.OK,
    "unknown": outcome.RPC_ERROR,
}
SDK_KINDS = [kind for kind in KINDS if kind != "broken"]


def request_of(kind: str, session: Session, text: str) -> Request:
    if kind == "read":
        return session.request("resources/read", {"uri": "memo://note"})
    if kind == "got":
        return session.request("prompts/get", {"name": "greet", "arguments": {"name": text}})
    if kind == "unknown":
        return session.request("no/such/method", {})
    if kind == "broken":
        return session.call("no_such_tool", {})
    return session.call(kind, {"message": text} if kind == "echo" else {})


def under_load(url: str, protocol: str, kinds: Iterable[str]) -> Counter[tuple[str, str]]:
    """Eight users at once, each with a session of its own; how often which kind of call ended in which outcome."""
    seen: Counter[tuple[str, str]] = Counter()

    def user(number: int) -> None:
        told = (url, Deadlines(), 60.0)
        connection = StreamConnection(*told) if protocol == "sse" else HttpConnection(*told)
        session = new_session(protocol)
        for request in driven(session.opening(), connection):
            seen["opening", request.outcome] += 1
        for turn in range(ROUNDS):
            for kind in kinds:
                text = f"{number}-{turn}"
                reply = connection.exchange(request_of(kind, session, text)).reply
                seen[kind, reply.outcome] += 1
                if kind == "echo":  # nobody is given somebody else's answer
                    assert text in reply.value()["content"][0]["text"]
        for request in driven(session.closing(), connection):
            seen["closing", request.outcome] += 1
        connection.close()

    users = [gevent.spawn(user, number) for number in range(USERS)]
    gevent.joinall(users, raise_error=True)
    return seen


def driven(
    sequence: Generator[Request, Reply, object], connection: HttpConnection | StreamConnection
) -> list[Reply]:
    replies: list[Reply] = []
    try:
        request = next(sequence)
        while True:
            replies.append(connection.exchange(request).reply)
            request = sequence.send(replies[-1])
    except StopIteration:
        return replies


def checked(seen: Counter[tuple[str, str]], executed: dict[str, int] | None) -> None:
    """Every call has the name it must have; what was executed was counted, neither more nor less."""
    calls = {kind: count for (kind, _), count in seen.items() if kind in KINDS}
    assert {(kind, found) for kind, found in seen if kind in KINDS} == {(kind, KINDS[kind]) for kind in calls}
    assert {found for kind, found in seen if kind not in KINDS} <= {outcome.OK}
    assert set(calls.values()) == {USERS * ROUNDS}
    if executed is not None:
        assert executed == {kind: calls[kind] for kind in executed}


async def executed_by(url: str, protocol: str) -> dict[str, int]:
    async with connected(url, protocol, timeout_s=20) as client:
        counted = await client.call("count", {})
    found: dict[str, int] = json.loads(counted.value()["content"][0]["text"])
    return found


@pytest.mark.parametrize("version", VERSIONS[:2])
async def test_nothing_is_misclassified_under_load(sdk_url: str, version: str) -> None:
    """Tools, resources, prompts, errors: against the server's own count."""
    before = await executed_by(sdk_url, version)
    seen = under_load(sdk_url, version, SDK_KINDS)
    after = await executed_by(sdk_url, version)

    checked(seen, {kind: after[kind] - before[kind] for kind in after})


async def test_nothing_is_misclassified_over_http_sse(sse_url: str) -> None:
    """The same on the oldest transport, which `auto` finds."""
    found = await preflight(sse_url, "auto", timeout_s=20)
    seen = under_load(sse_url, "sse", SDK_KINDS)

    assert (found.protocol, found.server_name) == ("sse", "tiny")
    checked(seen, await executed_by(sse_url, "sse"))


@pytest.fixture(scope="module")
def everything_url() -> Iterator[str]:
    with npm.everything("streamableHttp") as origin:
        yield f"{origin}/mcp"


@pytest.mark.timeout(200)
async def test_npm_s_reference_server_is_found_and_called(everything_url: str) -> None:
    """Priming events, an event store, sessions of another SDK."""
    found = await preflight(everything_url, "auto", timeout_s=20)
    async with connected(everything_url, timeout_s=20) as client:
        called = await client.call("echo", {"message": "hi"})

    assert found.protocol == client.protocol == "2025-11-25"
    assert found.server_name
    assert "echo" in {tool["name"] for tool in found.tools or []}
    assert called.value()["content"] == [{"type": "text", "text": "Echo: hi"}]


@pytest.mark.timeout(200)
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_npm_s_reference_server_answers_the_load_s_connection(everything_url: str, version: str) -> None:
    """In every version of the handshake, on one connection."""
    done = in_one_session(everything_url, version, failing="no-such-tool")

    assert [one.reply.outcome for one in done if one.reply.outcome != outcome.OK] == [outcome.TOOL_ERROR]
    assert sum(not one.reused for one in done) == 1


@pytest.mark.timeout(200)
@pytest.mark.parametrize("mode", ["streamableHttp", "sse"])
async def test_npm_s_reference_server_under_load(mode: str, everything_url: str) -> None:
    """Both its transports, found by themselves: against a count on the server's side; every echo is the user's own."""
    with contextlib.nullcontext("") if mode == "streamableHttp" else npm.everything(mode) as own:
        origin = own or everything_url.removesuffix("/mcp")
        found = await preflight(f"{origin}/{'sse' if own else 'mcp'}", "auto", timeout_s=20)
        before = npm.counted(origin)
        seen = under_load(
            f"{origin}/{'sse' if own else 'mcp'}", found.protocol, ["echo", "broken", "unknown"]
        )
        after = npm.counted(origin)

    assert found.protocol == ("sse" if mode == "sse" else "2025-11-25")
    checked(seen, None)
    calls, each = after["calls"], USERS * ROUNDS
    assert {name: calls[name] - before["calls"].get(name, 0) for name in ("echo", "no_such_tool")} == {
        "echo": each,
        "no_such_tool": each,
    }
    answers = {kind: after[kind] - before[kind] for kind in ("ok", "tool_error", "rpc_error")}
    assert answers == {"ok": each, "tool_error": each, "rpc_error": each}
