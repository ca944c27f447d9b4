"""A canary to MySQL or MariaDB: one statement that sends or returns a number of bytes. Nothing is written.

It logs in as a client does: servers count connections that go no further than the greeting, and block hosts that make many. It knows
mysql_native_password (MariaDB's), and caching_sha2_password (MySQL's), which needs the server's public key when a user logs in for the
first time.
"""

import hashlib
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from harness.faults.canary.conversation import CountedConnection, UnexpectedError, until_closed
from harness.foundation.untrusted.documents import short

# LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH; CONNECT_WITH_DB where a database is named.
ABLE, WITH_DATABASE = 0x1 | 0x200 | 0x8000 | 0x80000, 0x8
UTF8MB4 = 45
OK, MORE, SWITCH, ERROR = 0x00, 0x01, 0xFE, 0xFF
KNOWN, ASKS_ALL, WANT_KEY = b"\x03", b"\x04", b"\x02"
PACKET_MOST = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class MysqlTalk:
    """The part of MySQL's protocol that a canary needs."""

    port: int = 3306

    async def greet(self, wire: CountedConnection, where: SplitResult) -> None:
        _, greeting = await _heard(wire)
        version, _, rest = greeting[1:].partition(b"\0")
        if greeting[:1] != b"\x0a" or len(rest) < 44:
            raise UnexpectedError(f"it does not speak MySQL: {_error(greeting)}")
        del version
        salt = rest[4:12] + rest[31:43]
        plugin = rest[44:].partition(b"\0")[0] or b"mysql_native_password"
        word, base = unquote(where.password or "").encode(), unquote(where.path.strip("/")).encode()
        answer = _scrambled(plugin, word, salt)
        able = ABLE | (WITH_DATABASE if base else 0)
        await _say(
            wire,
            1,
            able.to_bytes(4, "little")
            + PACKET_MOST.to_bytes(4, "little")
            + bytes([UTF8MB4])
            + bytes(23)
            + unquote(where.username or "").encode()
            + b"\0"
            + bytes([len(answer)])
            + answer
            + (base + b"\0" if base else b"")
            + plugin
            + b"\0",
        )
        await _let_in(wire, plugin, word, salt)

    async def exchange(self, wire: CountedConnection, out: int, into: int) -> None:
        if out:
            await _asked(wire, b"SELECT LENGTH('%s')" % (b"x" * out))
        elif into:
            await _asked(wire, b"SELECT REPEAT('x', %d)" % into)
        else:
            await _asked(wire, b"SELECT 1")

    async def leave(self, wire: CountedConnection) -> None:
        await _say(wire, 0, b"\x01")
        await until_closed(wire)


async def _let_in(wire: CountedConnection, plugin: bytes, word: bytes, salt: bytes) -> None:
    """Follow the server's questions until it lets us in."""
    while True:
        number, packet = await _heard(wire)
        kind, rest = packet[0], packet[1:]
        if kind == OK:
            return
        if kind == SWITCH and rest:
            plugin, _, salt = rest.partition(b"\0")
            salt = salt[:20]
            await _say(wire, number + 1, _scrambled(plugin, word, salt))
        elif kind == MORE and rest == ASKS_ALL:
            await _say(wire, number + 1, WANT_KEY)
            number, packet = await _heard(wire)
            await _say(wire, number + 1, _sealed(word, salt, packet[1:]))
        elif kind != MORE or rest != KNOWN:
            raise UnexpectedError(f"it does not let the canary in: {_error(packet)}")


async def _asked(wire: CountedConnection, statement: bytes) -> None:
    """Read the answer to a statement: columns, their end, rows, their end."""
    await _say(wire, 0, b"\x03" + statement)
    ends = 0
    while ends < 2:
        _, packet = await _heard(wire)
        if packet[0] == ERROR:
            raise UnexpectedError(f"it refused {statement[:9]!r}: {_error(packet)}")
        ends += packet[0] == SWITCH and len(packet) < 9


async def _say(wire: CountedConnection, number: int, packet: bytes) -> None:
    await wire.say(len(packet).to_bytes(3, "little") + bytes([number & 0xFF]) + packet)


async def _heard(wire: CountedConnection) -> tuple[int, bytes]:
    head = await wire.hear(4)
    packet = await wire.hear(int.from_bytes(head[:3], "little"))
    if not packet:
        raise UnexpectedError("it sent an empty packet")
    return head[3], packet


def _scrambled(plugin: bytes, word: bytes, salt: bytes) -> bytes:
    """Return the proof that the canary knows the password."""
    if not word:
        return b""
    if plugin == b"mysql_native_password":
        one = hashlib.sha1(word).digest()  # noqa: S324 - MySQL's
        mask = hashlib.sha1(salt + hashlib.sha1(one).digest()).digest()  # noqa: S324
    elif plugin == b"caching_sha2_password":
        one = hashlib.sha256(word).digest()
        mask = hashlib.sha256(hashlib.sha256(one).digest() + salt).digest()
    else:
        raise UnexpectedError(
            f"it asks for {short(plugin.decode(errors='replace'), 40)}, which a canary does not know"
        )
    return bytes(a ^ b for a, b in zip(one, mask, strict=True))


def _sealed(word: bytes, salt: bytes, key_pem: bytes) -> bytes:
    """Return the password, sealed with the server's public key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    try:
        key = serialization.load_pem_public_key(key_pem)
    except ValueError as error:
        raise UnexpectedError("its public key cannot be read") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise UnexpectedError("its public key is not one of RSA")
    plain = bytes(a ^ salt[index % len(salt)] for index, a in enumerate(word + b"\0"))
    seal = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303 - MySQL's
    return key.encrypt(plain, seal)


def _error(packet: bytes) -> str:
    """Return the server's words in an error packet."""
    text = packet[9:] if packet[:1] == b"\xff" and packet[3:4] == b"#" else packet[3:]
    return short(text.decode(errors="replace"), 200)
