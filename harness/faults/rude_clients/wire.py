"""A raw connection for rude clients: it sends any bytes, reads only on request, and may reset.

Callers set the time limits. llhttp parses a reply, up to 64 KB of its body.
"""

import array
import asyncio
import errno
import fcntl
import socket
import struct
import termios
from contextlib import suppress
from dataclasses import dataclass, field

import httptools

from harness.foundation.addresses import resolved

READ_BYTES = 16_384
REPLY_BYTES_MAX = 65_536
SMALL_BUFFER_BYTES = 4_096  # the kernel makes of it what it allows
_RESET = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Answer:
    """The server's reply to a rude request."""

    status: int = 0
    body: bytes = b""
    complete: bool = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


@dataclass(slots=True)
class Wire:
    """One open connection."""

    sock: socket.socket = field(repr=False)

    @classmethod
    async def to(cls, host: str, port: int, *, small: bool = False) -> "Wire":
        """Connect; with `small`, the receive buffer is as small as the kernel allows."""
        failed = OSError(errno.EADDRNOTAVAIL, "there is no address")
        for address in await resolved.addresses(host):
            try:
                return cls(await _connected(address, port, small=small))
            except OSError as error:
                failed = error
        raise failed

    async def send(self, data: bytes | memoryview) -> None:
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def receive(self, most: int = READ_BYTES) -> bytes:
        """Receive what has come; b"" when the server has closed."""
        return await asyncio.get_running_loop().sock_recv(self.sock, most)

    async def answer(self) -> Answer:
        """Return the next reply, as far as it comes; its status is 0 when none came, or it was not HTTP."""
        answer = Answer()
        parser = httptools.HttpResponseParser(answer)
        with suppress(OSError, httptools.HttpParserError):  # returned as far as it came
            while not answer.complete and len(answer.body) < REPLY_BYTES_MAX:
                data = await self.receive()
                if not data:
                    break
                parser.feed_data(data)
        answer.status = parser.get_status_code()
        return answer

    async def readable(self) -> None:
        """Wait until data, or the end, have come; leave them unread."""
        loop = asyncio.get_running_loop()
        came = loop.create_future()
        loop.add_reader(self.sock, came.cancel)
        try:
            await asyncio.wait([came])
        finally:
            loop.remove_reader(self.sock)

    def ended(self) -> bool:
        """Whether the server has closed it, or sent anything; does not wait."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def unread_bytes(self) -> int:
        """Return the number of bytes that the server has sent and that are unread here."""
        count = array.array("i", [0])
        fcntl.ioctl(self.sock, termios.FIONREAD, count)
        return count[0]

    def reset(self) -> None:
        """Close the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


async def _connected(address: str, port: int, *, small: bool) -> socket.socket:
    sock = socket.socket(resolved.family(address), socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if small:  # before it is connected, or it is too late
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock
