"""/sessions: statistics of sessions. For admins; with authentication off, for everybody on loopback.

GET /sessions        how many are open, and what clients did since the schema was made
GET /sessions/{id}   one that is open; to the client whose it is as well
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.reference import ids
from harness.reference.caller import ADMIN, current
from harness.reference.doors.pages import answering, page
from harness.reference.sessions import SessionUpkeep, StoreUnreachableError

_STATUSES: Final[Mapping[type[Exception], int]] = {StoreUnreachableError: 503}


def routes(sessions: SessionUpkeep) -> list[Route]:
    """Return the routes of these pages."""

    async def statistics(_request: Request) -> Response:
        current().must(ADMIN)
        return page(await sessions.statistics())

    async def one(request: Request) -> Response:
        named = request.path_params["id"]
        session = await sessions.find(named) if ids.can_be(named) else None
        caller = current()
        if session is None or not (caller.may(ADMIN) or session.client.owner == caller.client):
            return page({"error": "There is no such session."}, 404)
        return page({"session": session, "type": session.client.type})

    return [
        Route("/sessions", answering(statistics, _STATUSES)),
        Route("/sessions/{id}", answering(one, _STATUSES)),
    ]
