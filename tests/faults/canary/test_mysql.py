"""How a canary logs in to MySQL, by both of its methods, at a server that checks what it is told; a real MariaDB is tests/integration/test_own_links.py."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from harness.faults.canary.conversation import CountedConnection, UnexpectedError
from harness.faults.canary.mysql import MysqlTalk

SALT, OTHER_SALT = bytes(range(1, 21)), bytes(range(41, 61))
WORD = b"s3cret/of me"
NATIVE, SHA2 = b"mysql_native_password", b"caching_sha2_password"
LET_IN = b"\0\0\0\2\0\0\0"
DENIED = b"\xff\x15\x04#28000Access denied"
END_OF_ROWS = b"\xfe\0\0\2\0"
Hear = Callable[[], Coroutine[Any, Any, bytes]]
Say = Callable[[bytes], None]
Rest = Callable[[Hear, Say], Coroutine[Any, Any, None]]


def greeting(plugin: bytes, salt: bytes = SALT) -> bytes:
    """As the documentation of the protocol has it: version, thread, salt in two pieces, abilities, the method."""
    return b"\x0a8.4.0\0" + bytes(4) + salt[:8] + bytes(19) + salt[8:] + b"\0" + plugin + b"\0"


def proof(plugin: bytes, salt: bytes) -> bytes:
    """Worked out here by the documentation, so that it does not repeat what it tests."""
    if plugin == NATIVE:
        once = hashlib.sha1(WORD).digest()
        mask = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    else:
        once = hashlib.sha256(WORD).digest()
        mask = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


@asynccontextmanager
async def serving(first: bytes, rest: Rest) -> AsyncIterator[CountedConnection]:
    """A server that greets and then does the rest; what it finds wrong is raised at the end."""
    wrong: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0

        def say(packet: bytes) -> None:
            nonlocal number
            writer.write(len(packet).to_bytes(3, "little") + bytes([number]) + packet)
            number += 1

        async def hear() -> bytes:
            nonlocal number
            head = await reader.readexactly(4)
            number = head[3] + 1
            return await reader.readexactly(int.from_bytes(head[:3], "little"))

        try:
            say(first)
            await rest(hear, say)
        except asyncio.IncompleteReadError:
            pass
        except BaseException as error:
            wrong.append(error)
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        try:
            yield CountedConnection(reader, writer)
        finally:
            writer.close()
    if wrong:
        raise wrong[0]


WHERE = urlsplit("mysql://me:s3cret%2Fof%20me@127.0.0.1/shop")


@pytest.mark.parametrize("plugin", [NATIVE, SHA2])
async def test_the_password_is_proved_and_never_said(plugin: bytes) -> None:
    """Name, database and method are in the answer; a statement, one that is long, one with a long answer, and good-bye."""
    asked: list[bytes] = []

    async def rest(hear: Hear, say: Say) -> None:
        answer = await hear()
        assert proof(plugin, SALT) in answer
        assert WORD not in answer
        assert answer[32:].startswith(b"me\0")
        assert answer.endswith(b"shop\0" + plugin + b"\0")
        if plugin == SHA2:
            say(b"\x01\x03")  # it knows the user, and needs no more
        say(LET_IN)
        while (statement := await hear()) != b"\x01":
            asked.append(statement)
            for packet in (b"\1", b"column", END_OF_ROWS, b"row", END_OF_ROWS):
                say(packet)

    async with serving(greeting(plugin), rest) as wire:
        await MysqlTalk().greet(wire, WHERE)
        for out, into in ((0, 0), (5, 0), (0, 7)):
            await MysqlTalk().exchange(wire, out, into)
        await MysqlTalk().leave(wire)

    assert asked == [b"\x03SELECT 1", b"\x03SELECT LENGTH('xxxxx')", b"\x03SELECT REPEAT('x', 7)"]


async def test_a_server_may_ask_for_the_other_method() -> None:
    """With another salt."""

    async def rest(hear: Hear, say: Say) -> None:
        assert proof(SHA2, SALT) in await hear()
        say(b"\xfe" + NATIVE + b"\0" + OTHER_SALT + b"\0")
        assert await hear() == proof(NATIVE, OTHER_SALT)
        say(LET_IN)

    async with serving(greeting(SHA2), rest) as wire:
        await MysqlTalk().greet(wire, WHERE)


async def test_a_user_who_logs_in_for_the_first_time_seals_the_password_with_the_server_s_key() -> None:
    """Only who has the private key, and the salt, can read it."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    async def rest(hear: Hear, say: Say) -> None:
        await hear()
        say(b"\x01\x04")
        assert await hear() == b"\x02"
        say(b"\x01" + pem)
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
        mixed = private.decrypt(await hear(), oaep)
        assert bytes(a ^ SALT[index % len(SALT)] for index, a in enumerate(mixed)) == WORD + b"\0"
        say(LET_IN)

    async with serving(greeting(SHA2), rest) as wire:
        await MysqlTalk().greet(wire, WHERE)


NOT_RSA = (
    ed25519.Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (b"\xff\x10\x04Too many connections", [], "does not speak MySQL: Too many connections"),
        (b"HTTP/1.1 400 Bad Request", [], "does not speak MySQL"),
        (b"", [], "an empty packet"),
        (greeting(b"a_method_of_its_own"), [], "asks for a_method_of_its_own, which a canary does not know"),
        (greeting(NATIVE), [DENIED], "does not let the canary in: Access denied"),
        (greeting(SHA2), [b"\x01\x04", b"\x01no key"], "its public key cannot be read"),
        (greeting(SHA2), [b"\x01\x04", b"\x01" + NOT_RSA], "not one of RSA"),
        (greeting(NATIVE), [LET_IN, DENIED], "it refused"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_what_it_is_told_instead_is_said(first: bytes, then: list[bytes], said: str) -> None:
    """In the server's words, where it has any."""

    async def rest(hear: Hear, say: Say) -> None:
        for packet in then:
            await hear()
            say(packet)
        await hear()

    async def asked() -> None:
        async with serving(first, rest) as wire:
            await MysqlTalk().greet(wire, WHERE)
            await MysqlTalk().exchange(wire, 0, 0)

    with pytest.raises(UnexpectedError, match=said):
        await asked()


async def test_without_a_password_nothing_is_proved() -> None:
    """An empty answer, and no database."""

    async def rest(hear: Hear, say: Say) -> None:
        assert (await hear())[32:] == b"me\0\0" + NATIVE + b"\0"
        say(LET_IN)

    async with serving(greeting(NATIVE), rest) as wire:
        await MysqlTalk().greet(wire, urlsplit("mysql://me@127.0.0.1"))
