"""Servers that are named: spoken to in their own protocol, without ever showing a password."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pamqp import commands, frame

from harness.doctor import servers
from harness.doctor.finding import DoctorFinding
from harness.services.processes.ports import free_port

VARIABLES = ("DATABASE_URL", "AMQP_URL", "REDIS_URL")
ASKED: dict[str, Callable[[], Awaitable[DoctorFinding]]] = {
    "DATABASE_URL": servers.database,
    "AMQP_URL": servers.queue,
    "REDIS_URL": servers.cache,
}
SCHEMES = {"DATABASE_URL": "postgresql", "AMQP_URL": "amqp", "REDIS_URL": "redis"}


@asynccontextmanager
async def listening(answer: Callable[[bytes], bytes | None], *, once: bool = False) -> AsyncIterator[int]:
    """A server that answers each thing it reads, or only one (`once`); None closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            reply = answer(data)
            if reply is None:
                break
            writer.write(reply)
            if once:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("variable", VARIABLES)
async def test_one_that_is_not_named_is_no_fault(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """It says what serves in its place."""
    monkeypatch.delenv(variable, raising=False)
    found = await ASKED[variable]()
    assert (found.name, found.state) == (variable, "good")
    assert found.found.startswith("not set: ")
    assert "PostgreSQL" in found.found


@pytest.mark.parametrize(
    ("variable", "state"), [("DATABASE_URL", "missing"), ("AMQP_URL", "warning"), ("REDIS_URL", "warning")]
)
async def test_one_that_does_not_answer_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, state: str
) -> None:
    """Only the database keeps a ramp from running."""
    port = free_port()
    monkeypatch.setenv(variable, f"{SCHEMES[variable]}://me:pa55word@127.0.0.1:{port}/0")
    found = await ASKED[variable]()
    assert found.state == state
    assert str(port) in found.found
    assert "closed the connection" not in found.found
    assert "pa55word" not in repr(found)
    assert found.todo == f"start it, or unset {variable}"


@pytest.mark.parametrize("variable", VARIABLES)
async def test_one_that_keeps_silent_costs_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """It takes the connection, and says nothing."""
    monkeypatch.setattr(servers, "ANSWER_S", 0.3)
    async with listening(lambda data: b"") as port:
        monkeypatch.setenv(variable, f"{SCHEMES[variable]}://me@127.0.0.1:{port}/0")
        found = await asyncio.wait_for(ASKED[variable](), 20)
    assert found.state != "good"


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("url", ["nonsense", "://", "redis://", "http://["])
async def test_what_is_no_address_is_told(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> None:
    """No traceback; the examination goes on."""
    monkeypatch.setenv(variable, url)
    found = await ASKED[variable]()
    assert found.state != "good"


@pytest.mark.parametrize(
    ("reply", "state", "says"),
    [
        (b"\x01\x00\x00\x00\x00\x01\xee rest", "warning", "does not speak AMQP 0-9-1"),
        (b"AMQP\x00\x01\x00\x00", "warning", "does not speak AMQP 0-9-1"),
        (b"HTTP/1.1 400 Bad Request\r\n", "warning", "does not speak AMQP 0-9-1"),
        (None, "warning", "0 bytes read"),
    ],
)
async def test_rabbitmq_begins_when_it_has_heard_the_protocol(
    monkeypatch: pytest.MonkeyPatch, reply: bytes | None, state: str, says: str
) -> None:
    """A server that wants another version says which, and closes."""
    heard = []
    async with listening(lambda data: heard.append(data) or reply, once=True) as port:
        monkeypatch.setenv("AMQP_URL", f"amqp://me:pa55word@127.0.0.1:{port}/")
        found = await servers.queue()
    assert heard == [b"AMQP\x00\x00\x09\x01"]
    assert found.state == state
    assert says in found.found
    assert "pa55word" not in repr(found)


REFUSED = commands.Connection.Close(403, "ACCESS_REFUSED - Login was refused", 10, 11)
LETS_IN = {
    "Connection.StartOk": commands.Connection.Tune(2047, 131072, 60),
    "Connection.Open": commands.Connection.OpenOk(),
    "Connection.Close": commands.Connection.CloseOk(),
}


@pytest.mark.parametrize(
    ("replies", "state", "says"),
    [
        (LETS_IN, "good", "answers: AMQP 0-9-1"),
        (LETS_IN | {"Connection.StartOk": REFUSED}, "warning", "ACCESS_REFUSED"),
        (
            LETS_IN | {"Connection.Open": REFUSED},
            "warning",
            "the virtual host in the address cannot be opened",
        ),
    ],
)
async def test_rabbitmq_answers_when_it_has_let_us_in(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], replies: Any, state: str, says: str
) -> None:
    """A refused password is a warning in the server's words; nothing is logged beside it."""

    def answer(data: bytes) -> bytes:
        if data.startswith(b"AMQP"):
            return frame.marshal(commands.Connection.Start(), 0)
        said = b""
        while data:
            count, _, heard = frame.unmarshal(data)
            data = data[count:]
            said += frame.marshal(replies[heard.name], 0) if heard.name in replies else b""
        return said

    async with listening(answer) as port:
        monkeypatch.setenv("AMQP_URL", f"amqp://me:pa55word@127.0.0.1:{port}/")
        found = await servers.queue()
    assert found.state == state
    assert says in found.found
    assert "pa55word" not in repr(found)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("variable", "package"),
    [("DATABASE_URL", "asyncpg"), ("AMQP_URL", "aio_pika"), ("REDIS_URL", "redis.asyncio")],
)
async def test_a_library_that_is_not_installed_is_said_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, variable: str, package: str
) -> None:
    """No traceback: whoever looks after an installation asks the doctor."""
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv(variable, f"{SCHEMES[variable]}://127.0.0.1:{free_port()}/0")
    found = await ASKED[variable]()
    assert found.state != "good"
    assert f"the Python package {package.partition('.')[0]} is not installed" in found.found


@pytest.mark.parametrize(
    ("who", "replies", "state", "says"),
    [
        ("", {b"PING": b"+PONG\r\n"}, "good", "answers: PONG"),
        (":pa55@", {b"AUTH\r\n$4\r\npa55": b"+OK\r\n", b"PING": b"+PONG\r\n"}, "good", "PONG"),
        ("me:p%40ss@", {b"$2\r\nme\r\n$4\r\np@ss": b"+OK\r\n", b"PING": b"+PONG\r\n"}, "good", "PONG"),
        (":pa55@", {b"AUTH": b"-WRONGPASS no\r\n"}, "warning", "it says '-WRONGPASS no'"),
        ("", {b"PING": b"-NOAUTH Authentication required.\r\n"}, "warning", "NOAUTH"),
        ("", {}, "warning", "it closed the connection"),
    ],
)
async def test_redis_is_asked_for_a_pong(
    monkeypatch: pytest.MonkeyPatch, who: str, replies: dict[bytes, bytes], state: str, says: str
) -> None:
    """After its password, when the address has one."""

    def answer(data: bytes) -> bytes | None:
        if replies and b"SETINFO" in data:  # who is asking: an old server does not want to know
            return b"-ERR unknown subcommand\r\n" * data.count(b"SETINFO")
        return next((reply for part, reply in replies.items() if part in data), None)

    async with listening(answer) as port:
        monkeypatch.setenv("REDIS_URL", f"redis://{who}127.0.0.1:{port}/0")
        found = await servers.cache()
    assert found.state == state
    assert says in found.found
    assert "pa55" not in repr(found)


@pytest.mark.parametrize(("variable", "scheme"), [("AMQP_URL", "amqps"), ("REDIS_URL", "rediss")])
async def test_an_address_that_wants_tls_gets_tls(
    monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    """The first byte on the wire is a handshake's."""
    heard = []
    async with listening(lambda data: heard.append(data) or None) as port:
        monkeypatch.setenv(variable, f"{scheme}://127.0.0.1:{port}/0")
        assert (await ASKED[variable]()).state == "warning"
    assert heard[0][0] == 22


@pytest.mark.parts
@pytest.mark.parametrize("variable", [*VARIABLES, "TOXIPROXY_URL"])
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("203.0.113.9:1", "is not this machine"),
        ("0.0.0.0:1", "is not an address of a server"),
        ("169.254.169.254", "is refused unless it is named on purpose"),
        ("127.1:1", "is not the URL of a server"),
    ],
)
async def test_nobody_is_asked_where_a_run_could_not_go(
    monkeypatch: pytest.MonkeyPatch, variable: str, place: str, says: str
) -> None:
    """The finding says why, and how it is allowed; a password is not in it."""

    async def nobody(*_: object, **__: object) -> None:
        raise AssertionError("it was connected to")

    monkeypatch.setattr(asyncio, "open_connection", nobody)
    monkeypatch.setattr("asyncpg.connect", nobody)
    monkeypatch.setattr("harness.services.toxiproxy.server.provided", nobody)
    who = "" if variable == "TOXIPROXY_URL" else "me:pa55word@"
    monkeypatch.setenv(variable, f"{SCHEMES.get(variable, 'http')}://{who}{place}")
    asked = servers.fault_injector if variable == "TOXIPROXY_URL" else ASKED[variable]
    found = await asked()
    assert found.state != "good"
    assert says in found.found
    assert "pa55word" not in repr(found)
