"""Exchanges over a WebSocket, on aiohttp: one call at a time."""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp
import msgspec

from harness.mcp import outcome
from harness.mcp.dialects.websocket import SUBPROTOCOL
from harness.mcp.exchange import BODY_BYTES_MAX, judge_response
from harness.mcp.messages import Reply, Request, decode_message

T = TypeVar("T")
OPENED_STATUS = 101


@dataclass(slots=True)
class SocketClient:
    """One open socket."""

    timeout_s: float
    _socket: aiohttp.ClientWebSocketResponse = field(repr=False)

    async def exchange(self, request: Request) -> Reply:
        """One attempt, one outcome."""
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._socket.send_str(request.body.decode())
                if request.id is None:
                    return Reply(outcome.OK, status=OPENED_STATUS)
                while True:
                    frame = await self._socket.receive()
                    if frame.type is not aiohttp.WSMsgType.TEXT:
                        return Reply(outcome.DISCONNECTED, "closed by the server")
                    try:
                        message = decode_message(frame.data)
                    except msgspec.DecodeError:
                        return Reply(outcome.BAD_BODY, "not JSON-RPC", OPENED_STATUS)
                    if isinstance(message.method, msgspec.UnsetType):
                        return judge_response(message, request.id, OPENED_STATUS, None)
        except TimeoutError:
            return Reply(outcome.TIMEOUT, f"no answer in {self.timeout_s:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Reply(outcome.RESET, str(error))

    async def run(self, sequence: Generator[Request, Reply, T]) -> T:
        """Drive a sequence of exchanges to its end."""
        try:
            request = next(sequence)
            while True:
                request = sequence.send(await self.exchange(request))
        except StopIteration as ended:
            value: T = ended.value
            return value


@asynccontextmanager
async def socket_client(
    url: str, timeout_s: float, headers: Mapping[str, str]
) -> AsyncIterator[SocketClient | Reply]:
    """An open socket, or the reply that says why there is none."""
    timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=timeout_s)
    async with aiohttp.ClientSession(headers=dict(headers), timeout=timeout) as http:
        try:
            async with asyncio.timeout(timeout_s):
                socket = await http.ws_connect(url, protocols=[SUBPROTOCOL], max_msg_size=BODY_BYTES_MAX)
        except TimeoutError:
            yield Reply(outcome.TIMEOUT, f"no answer in {timeout_s:g} s")
        except aiohttp.ClientConnectorError as error:
            yield Reply(outcome.CONNECT, error.os_error.strerror or str(error.os_error))
        except aiohttp.WSServerHandshakeError as error:
            yield Reply(outcome.HTTP_STATUS, f"{error.status}", error.status)
        except (aiohttp.ClientError, OSError) as error:
            yield Reply(outcome.DISCONNECTED, str(error))
        else:
            async with socket:
                yield SocketClient(timeout_s, socket)
