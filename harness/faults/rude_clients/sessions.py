"""Sessions without end: open one session after the other, and end none of them.

`opened` and `refused` count how the server reacted. When the fault is healed, as many are ended as there is
time for (`ended`); each client opens `SESSIONS_MOST` at most.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.mcp import outcome

SESSIONS_MOST = 1_000


async def act(client: RudeClient) -> None:
    """Open one more session."""
    if len(client.kept) >= SESSIONS_MOST:
        client.counts["had_enough"] += 1
        return
    session, reply = await client.open_session()
    if session.session_id is not None:
        client.counts["opened"] += 1
    else:
        client.counts["refused" if reply.outcome != outcome.OK else "no_session"] += 1
