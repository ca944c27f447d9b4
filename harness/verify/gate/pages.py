"""The gate's pages: / verifies and answers, /last tells of the last time, /alive is for whoever watches the gate itself.

200 when every check that applies holds (exit code 0), else 500: what is unknown is no pass. Markdown, or JSON (CTRF) for who accepts that.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from harness.foundation.errors import PASSED
from harness.verify.gate.one_at_a_time import Answer, BusyError, Turns

TURNS: Final = web.AppKey("turns", Turns)
CODE: Final = "Harness-Exit-Code"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_BYTES_MOST: Final = 1_000_000  # of a webhook's request, which says nothing that is needed here


def application(turns: Turns) -> web.Application:
    """All of it."""
    app = web.Application(client_max_size=BODY_BYTES_MOST, middlewares=[_no_browsers])
    app[TURNS] = turns
    app.router.add_get("/", _verified, allow_head=False)
    app.router.add_post("/", _verified)
    app.router.add_get("/last", _last)
    app.router.add_get("/alive", _alive)
    return app


@web.middleware
async def _no_browsers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page of another site must not be able to start a verification, which may write."""
    if "Origin" in request.headers or request.headers.get("Sec-Fetch-Site", "none") not in {
        "none",
        "same-origin",
    }:
        return web.Response(
            status=403, text="The gate is for programs: it refuses requests from pages of other sites.\n"
        )
    return await handler(request)


async def _verified(request: web.Request) -> web.StreamResponse:
    turns = request.app[TURNS]
    try:
        return _told(request, await turns.answer())
    except BusyError:
        return web.Response(
            status=429,
            headers={"Retry-After": "30"},
            text="Too many requests are waiting for a verification.\n",
        )


async def _last(request: web.Request) -> web.StreamResponse:
    turns = request.app[TURNS]
    if turns.last is None:
        return web.Response(status=503, text="Nothing has been verified yet. GET / verifies.\n")
    return _told(request, turns.last)


async def _alive(_: web.Request) -> web.StreamResponse:
    return web.Response(text="alive\n")


def _told(request: web.Request, answer: Answer) -> web.Response:
    as_json = "application/json" in request.headers.get("Accept", "")
    return web.Response(
        status=200 if answer.exit_code == PASSED else 500,
        text=answer.results if as_json else answer.markdown,
        content_type="application/json" if as_json else "text/markdown",
        charset="utf-8",
        headers={CODE: str(answer.exit_code), "Cache-Control": "no-store"},
    )
