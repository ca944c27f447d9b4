"""Never read: send requests again and again on one connection, and read none of the answers.

The answers fill the kernel's buffers, first on this side (as small as it allows), then on the server's, then
the server's memory, unless it stops reading. `unread` counts connections with an unread answer, `stalled`
those on which the server accepted no more data.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.foundation.clock import within

AT_ONCE = 5
STALLED_S = 1.0


async def act(client: RudeClient) -> None:
    """Send some more requests (too few to be a load of their own); keep a connection that stalls."""
    wire = client.wire
    if wire is None:
        request = await client.usual()
        wire = await client.connect(small=True)
        await wire.send(request)
        client.counts["asked"] += 1
        await wire.readable()
        if not wire.unread_bytes():
            raise ConnectionResetError
        client.counts["unread"] += 1
        return
    request = await client.usual()
    try:
        async with within(STALLED_S):
            for _ in range(AT_ONCE):
                await wire.send(request)
                client.counts["asked"] += 1
    except TimeoutError:
        client.counts["stalled"] += 1
