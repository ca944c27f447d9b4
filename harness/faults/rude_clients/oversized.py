"""Oversized messages: a call with an argument that is far too large, sent in full if the server accepts it.

A server with a limit answers with `rejected` (413, or any other 4xx) or `hung_up_on`; `accepted` means that
its limit, if any, is larger. `megabytes` counts the whole megabytes that it took.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.mcp.dialects.handshake import HEADERS

CHUNK_BYTES = 65_536
_PIECE = memoryview(b"x" * CHUNK_BYTES)
OPENS = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","arguments":{"data":"'
CLOSES = b'"}}}'


async def act(client: RudeClient) -> None:
    """Send one message on a connection of its own."""
    wire = await client.connect()
    client.counts["sent"] += 1
    whole = len(OPENS) + client.size + len(CLOSES)
    gone = 0
    try:
        await wire.send(
            b"%bConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (client.head(HEADERS), whole, OPENS)
        )
        while gone < client.size:
            piece = _PIECE[: client.size - gone]
            await wire.send(piece)
            gone += len(piece)
        await wire.send(CLOSES)
    except ConnectionError:
        client.counts["cut_off"] += 1  # there may be an answer all the same
    client.counts["megabytes"] += gone // 1_000_000
    client.judge(await wire.answer())
    client.close()
