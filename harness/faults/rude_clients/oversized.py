"""Oversized messages: a call whose argument is far too large, sent in full if the server lets it.

`rejected` (413, or any other 4xx) and `hung_up_on` are what a bounded server does; `accepted` says that it has no bound of
that size. `megabytes` were taken off us, whole ones.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.mcp.dialects.handshake import HEADERS

CHUNK_BYTES = 65_536
_PIECE = memoryview(b"x" * CHUNK_BYTES)
OPENS = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"none","arguments":{"data":"'
CLOSES = b'"}}}'


async def act(client: RudeClient) -> None:
    """One message, on a connection of its own."""
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
