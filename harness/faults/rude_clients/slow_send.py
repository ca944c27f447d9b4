"""Send slowly: a request that comes a byte at a time and is never complete (slowloris).

Half of the clients never end their headers, the others never end the body that they have announced. `dripped` bytes are
those that were sent one by one; `hung_up_on` counts servers that closed the connection, or answered.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.mcp.dialects.handshake import HEADERS

ANNOUNCED_BYTES = 100_000


async def act(client: RudeClient) -> None:
    """Send one more byte, on the same connection while it is open."""
    wire = client.wire
    if wire is not None and wire.ended():
        client.counts["hung_up_on"] += 1
        wire = None
    in_head = client.number % 2 == 0
    if wire is None:
        wire = await client.connect()
        head = client.head(HEADERS)
        await wire.send(
            head + b"X-Slow: " if in_head else b"%bContent-Length: %d\r\n\r\n{" % (head, ANNOUNCED_BYTES)
        )
    await wire.send(b"a" if in_head else b" ")
    client.counts["dripped"] += 1
