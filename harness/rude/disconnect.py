"""Disconnect: asks for something, and is gone when the first byte of the answer has come (a reset, no goodbye)."""

from harness.rude.client import Client


async def act(client: Client) -> None:
    """A new connection each time; `cut` when an answer had begun."""
    request = await client.usual()
    wire = await client.connect(small=True)
    await wire.send(request)
    begun = await wire.receive(1)
    client.counts["cut" if begun else "hung_up_on"] += 1
    wire.reset()
    client.wire = None
