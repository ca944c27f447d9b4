"""Serves GET /metrics for Prometheus while a run goes on, on loopback unless another host is named.

The page is served from before the run is made until it has been read, from memory, on the conductor's own
event loop. If the port is taken, the run ends before it begins. A run without it imports no web server.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.conduct.live.prometheus_text import CONTENT_TYPE
from harness.foundation.addresses.address import AddressError, host_of, shown
from harness.foundation.errors import UsageError

if TYPE_CHECKING:
    from harness.conduct.live.meters import Meters

HOST = "127.0.0.1"
PORT_MOST = 65_535


@dataclass(frozen=True, slots=True)
class ScrapedPage:
    """The page of a run: where it is, and the metrics on it."""

    url: str
    meters: "Meters"


def place_of(text: str) -> tuple[str, int]:
    """Return host and port of [HOST:]PORT."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit()) or len(port) > len(str(PORT_MOST)) or int(port) > PORT_MOST:
        raise UsageError(
            f"--prometheus {shown(text)} is not [HOST:]PORT",
            "The port is a number up to 65535; 0 takes one that is free",
            "For example --prometheus 9464",
        )
    try:
        return host_of(host or HOST), int(port)
    except AddressError as error:
        raise UsageError(
            f"--prometheus {shown(text)} is not [HOST:]PORT",
            f"It cannot be listened at: {error}",
            "For example --prometheus 9464",
        ) from None


@asynccontextmanager
async def scraped(place: str | None) -> AsyncIterator[ScrapedPage | None]:
    """Serve the page while the body runs; yield it, or None without a place."""
    if place is None:
        yield None
        return
    host, port = place_of(place)
    from aiohttp import web

    from harness.conduct.live.meters import Meters
    from harness.services import pages

    meters = Meters()

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=meters.page(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    shown_host = f"[{host}]" if ":" in host else host
    async with AsyncExitStack() as serving:
        try:
            bound_port = await serving.enter_async_context(pages.served(app, host, port))
        except OSError as error:
            raise UsageError(
                f"Cannot listen at {place} for Prometheus",
                error.strerror or str(error),
                "Give another --prometheus [HOST:]PORT; 0 takes a port that is free",
            ) from error
        yield ScrapedPage(f"http://{shown_host}:{bound_port}/metrics", meters)
