"""Malformed messages that a server must refuse, one kind after the other, each on a connection of its own.

They are not HTTP, not JSON, not JSON-RPC, or not MCP. `rejected` is correct (a 4xx, or a JSON-RPC error),
`hung_up_on` is acceptable; `accepted` means that the server took it as valid, `server_errors` that it failed
itself.
"""

from typing import Final

from harness.faults.rude_clients.client import RudeClient
from harness.mcp.dialects.handshake import HEADERS

# Bodies with a valid head; WHOLE holds complete requests.
BODIES: Final[dict[str, bytes]] = {
    "not JSON": b"{nope",
    "empty": b"",
    "not UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}',
    "a number": b"7",
    "another version": b'{"jsonrpc":"1.0","id":1,"method":"tools/list"}',
    "no method": b'{"jsonrpc":"2.0","id":1}',
    "an id of the wrong kind": b'{"jsonrpc":"2.0","id":{"a":1},"method":"tools/list"}',
    "parameters of the wrong kind": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1,2]}',
    "an unknown method": b'{"jsonrpc":"2.0","id":1,"method":"no/such/method"}',
    "an empty batch": b"[]",
    "nested too deeply": b"[" * 20_000,
}
WHOLE: Final[dict[str, bytes]] = {
    "not HTTP": b"HELO there\r\n\r\n",
    "a version of HTTP that is none": b"POST / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    "chunks that are none": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}
KINDS: Final = (*BODIES, *WHOLE)


async def act(client: RudeClient) -> None:
    """Send the next kind; each client begins with another."""
    kind = KINDS[(client.number + client.acts) % len(KINDS)]
    wire = await client.connect()
    if kind in WHOLE:
        await wire.send(WHOLE[kind])
    else:
        body = BODIES[kind]
        await wire.send(
            b"%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (client.head(HEADERS), len(body), body)
        )
    client.counts["sent"] += 1
    client.judge(await wire.answer())
    client.close()
