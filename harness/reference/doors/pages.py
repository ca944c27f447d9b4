"""Helpers of the pages: bounded JSON bodies, JSON answers, and errors as HTTP statuses."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from harness.reference.caller import ForbiddenError
from harness.reference.doors.wire import NOT_JSON, BodyError, encode, read_body
from harness.reference.json_object import JsonObject

Answer = Callable[[Request], Awaitable[Response]]


class BadBodyError(ValueError):
    """The body is not what the page accepts."""


_STATUS: Final[Mapping[type[Exception], int]] = {
    BadBodyError: 400,
    ForbiddenError: 403,
}


def page(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as a JSON response; times are ISO 8601."""
    return Response(encode(content), status, headers, media_type="application/json")


async def json_body(request: Request) -> JsonObject:
    """Return the body, which must be one JSON object."""
    try:
        body = msgspec.json.decode(await read_body(request.receive))
    except NOT_JSON as error:
        raise BadBodyError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadBodyError("The body must be one JSON object.")
    return body


def answering(answer: Answer, statuses: Mapping[type[Exception], int]) -> Answer:
    """Return the page with its errors turned into statuses; errors common to all pages are included."""
    known = {**_STATUS, **statuses}

    async def page_or_error(request: Request) -> Response:
        try:
            return await answer(request)
        except BodyError as error:
            return page({"error": str(error)}, error.status, {"connection": "close"})
        except tuple(known) as error:
            return page({"error": str(error)}, known[type(error)])

    return page_or_error
