"""Expired sessions: open a session, end it, and go on using it; now and then use one that never existed.

A server has to refuse it: `rejected`. `accepted` means that the session still works after its end. A server
without sessions has none to expire: then nothing is shown.
"""

import msgspec

from harness.faults.rude_clients.client import RudeClient
from harness.mcp import outcome
from harness.mcp.messages import Request

TIMES = 5
NEVER_WAS = "00000000000000000000000000000000"


async def act(client: RudeClient) -> None:
    """Open a session, end it, and use it afterwards."""
    session, reply = await client.open_session()
    if session.session_id is None:
        client.counts["refused" if reply.outcome != outcome.OK else "no_session"] += 1
        return
    await client.end_session(session)
    for time in range(TIMES):
        request = session.request("tools/list", {})
        if not time:
            request = _as_one_that_never_was(request)
        answer = await client.http.exchange(request)
        client.counts["reused"] += 1
        if answer.outcome == outcome.OK:
            client.counts["accepted"] += 1
        elif answer.status is not None and 400 <= answer.status < 500:
            client.counts["rejected"] += 1
        else:
            client.counts["server_errors" if answer.status else "hung_up_on"] += 1


def _as_one_that_never_was(request: Request) -> Request:
    headers = tuple(
        (name, NEVER_WAS if name == "Mcp-Session-Id" else value) for name, value in request.headers
    )
    return msgspec.structs.replace(request, headers=headers)
