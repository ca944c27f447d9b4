"""The kernel's data on TCP connections of this machine: bytes, segments, times of the last data in and out.

Two ways to ask: `own` for a socket that is ours (TCP_INFO), `of_port` and `same` for any other (netlink, sock_diag,
as `ss -ti` does). No privilege is needed, and nothing is sent over any connection.

The kernel's times are whole ticks: 4 ms on most machines, 10 ms at most. It knows nothing of connections in
another network namespace or on another machine. If it refuses to answer, OSError is raised.
"""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from harness.foundation.units import NS_PER_MS

SOCK_DIAG, BY_FAMILY, DONE, ERROR = 4, 20, 3, 2
REQUEST, DUMP = 0x1, 0x300
INFO: Final = 2  # the attribute that holds TCP_INFO
ANY_STATE, NO_COOKIE = 0xFFFFFFFF, 0xFFFFFFFF
ANSWER_BYTES = 1 << 18
TIMEOUT_S = 1.0
TCP_INFO_BYTES = 256
HEAD: Final = struct.Struct("=IHHII")  # length, type, flags, number, port
ASKED: Final = struct.Struct("=BBBBI")  # family, protocol, attributes, 0, states
ENDS: Final = struct.Struct("!HH16s16s")  # ports and addresses, local and remote
MESSAGE_BYTES = 72  # before the attributes


class HasOptions(Protocol):
    """A socket, or asyncio's wrapper of one."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """One end of a connection; a time is None before any data went that way."""

    bytes_out: int
    bytes_in: int
    pieces_in: int  # segments that carried data
    sent_ns: int | None  # when data was last sent, by the clock that was passed in
    received_ns: int | None


@dataclass(frozen=True, slots=True)
class Ends:
    """The identity of a connection: family, ports and addresses, as the kernel writes them."""

    family: int
    packed: bytes


def own(ours: HasOptions, now_ns: int) -> Seen:
    """Return the state of our own socket."""
    return _seen(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES), now_ns)


def of_port(port: int, now_ns: int) -> dict[Ends, Seen]:
    """Return every connection whose remote end has that port."""
    connections: dict[Ends, Seen] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        ends = ENDS.pack(0, port, b"", b"")
        connections |= dict(_asked(family, ends, DUMP, now_ns))
    return connections


def same(ends: Ends, now_ns: int) -> Seen | None:
    """Return the state of that connection now; None when it is gone."""
    try:
        return next((seen for _, seen in _asked(ends.family, ends.packed, 0, now_ns)), None)
    except FileNotFoundError:
        return None


def _asked(family: int, ends: bytes, flags: int, now_ns: int) -> Iterator[tuple[Ends, Seen]]:
    question = ASKED.pack(family, socket.IPPROTO_TCP, 1 << (INFO - 1), 0, ANY_STATE)
    question += ends + struct.pack("=III", 0, NO_COOKIE, NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as line:
        line.settimeout(TIMEOUT_S)
        line.send(HEAD.pack(HEAD.size + len(question), BY_FAMILY, REQUEST | flags, 1, 0) + question)
        while True:
            answer, at = line.recv(ANSWER_BYTES), 0
            while at < len(answer):
                length, kind, *_ = HEAD.unpack_from(answer, at)
                body = answer[at + HEAD.size : at + length]
                if kind == DONE:
                    return
                if kind == ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    raise OSError(number, "the kernel gives no information about connections")
                yield from _connection(family, body, now_ns)
                at += (length + 3) & ~3
            if not flags:
                return


def _connection(family: int, body: bytes, now_ns: int) -> Iterator[tuple[Ends, Seen]]:
    """Parse one message; it holds no TCP_INFO for a connection in TIME_WAIT."""
    at = MESSAGE_BYTES
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if kind == INFO:
            yield Ends(family, body[4 : 4 + ENDS.size]), _seen(body[at + 4 : at + length], now_ns)
        at += max(4, (length + 3) & ~3)


def _seen(info: bytes, now_ns: int) -> Seen:
    """Parse struct tcp_info; the offsets are those of linux/tcp.h and never change."""
    (sent_ago_ms,) = struct.unpack_from("=I", info, 44)
    (received_ago_ms,) = struct.unpack_from("=I", info, 52)
    (bytes_in,) = struct.unpack_from("=Q", info, 128)
    (pieces_in,) = struct.unpack_from("=I", info, 152)
    (bytes_out,) = struct.unpack_from("=Q", info, 200)
    return Seen(
        bytes_out,
        bytes_in,
        pieces_in,
        now_ns - sent_ago_ms * NS_PER_MS if bytes_out else None,
        now_ns - received_ago_ms * NS_PER_MS if bytes_in else None,
    )
