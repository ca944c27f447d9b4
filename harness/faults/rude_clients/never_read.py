"""Never read: asks again and again on one connection, and reads none of the answers.

They pile up in the kernel's buffers, on this side in as little room as it gives, then in the server's, then in the
server, or it stops reading. `unread` are connections with an answer that lies here, `stalled` those on which the
server took nothing more.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.foundation.clock import within

AT_ONCE = 5
STALLED_S = 1.0


async def act(client: RudeClient) -> None:
    """Some more requests (so few that they are no load of their own); one that stalls is held as it is."""
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
