"""/clients: the registered clients. For admins; with authentication off, for everybody on loopback.

POST   /clients        {"name": …, "permission": "read-only" | "basic" | "admin"}
                       201 with the client and its key, which is shown this once
GET    /clients        the clients, without keys
PATCH  /clients/{id}   {"permission": …}
DELETE /clients/{id}   204; its key stops working
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.reference import ids
from harness.reference.caller import ADMIN, BASIC, current
from harness.reference.clients import BadClientError, Clients, ClientsUnreachableError, TakenError
from harness.reference.doors.pages import Answer, BadBodyError, answering, json_body, page

_STATUSES: Final = {BadClientError: 400, TakenError: 409, ClientsUnreachableError: 503}


def routes(clients: Clients) -> list[Route]:
    """Return the routes of these pages."""

    async def register(request: Request) -> Response:
        body = await json_body(request)
        client, key = await clients.register(
            _text(body.get("name"), "name"), _text(body.get("permission", BASIC))
        )
        return page({"client": client, "key": key}, 201)

    async def listed(_request: Request) -> Response:
        return page({"clients": await clients.listed()})

    async def change(request: Request) -> Response:
        permission = _text((await json_body(request)).get("permission"))
        named = request.path_params["id"]
        client = await clients.change(named, permission) if ids.can_be(named) else None
        return page({"client": client}) if client else _not_found()

    async def revoke(request: Request) -> Response:
        named = request.path_params["id"]
        revoked = ids.can_be(named) and await clients.revoke(named)
        return Response(status_code=204) if revoked else _not_found()

    return [
        _route("/clients", "POST", register),
        _route("/clients", "GET", listed),
        _route("/clients/{id}", "PATCH", change),
        _route("/clients/{id}", "DELETE", revoke),
    ]


def _route(path: str, method: str, answer: Answer) -> Route:
    async def for_admins(request: Request) -> Response:
        current().must(ADMIN)
        return await answer(request)

    return Route(path, answering(for_admins, _STATUSES), methods=[method])


def _text(value: object, what: str = "permission") -> str:
    if not isinstance(value, str):
        raise BadBodyError(f"{what} must be text.")
    return value


def _not_found() -> Response:
    return page({"error": "There is no such client."}, 404)
