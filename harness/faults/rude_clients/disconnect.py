"""Disconnect: asks for something, and is gone when the first byte of the answer has come (a reset, no goodbye)."""

from harness.faults.rude_clients.client import RudeClient


async def act(client: RudeClient) -> None:
    """Send a request on a new connection; reset it when the answer begins, and count `cut`."""
    request = await client.usual()
    wire = await client.connect(small=True)
    await wire.send(request)
    begun = await wire.receive(1)
    client.counts["cut" if begun else "hung_up_on"] += 1
    wire.reset()
    client.wire = None
