"""Sessions without end: opens one session after the other, and ends none of them.

`opened` and `refused` say what the server made of it. They are ended when the fault is healed, those that there is time
for (`ended`); each client opens `SESSIONS_MOST` at most.
"""

from harness.faults.rude_clients.client import RudeClient
from harness.mcp import outcome

SESSIONS_MOST = 1_000


async def act(client: RudeClient) -> None:
    """One more."""
    if len(client.kept) >= SESSIONS_MOST:
        client.counts["had_enough"] += 1
        return
    session, reply = await client.open_session()
    if session.session_id is not None:
        client.counts["opened"] += 1
    else:
        client.counts["refused" if reply.outcome != outcome.OK else "no_session"] += 1
