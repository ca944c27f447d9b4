"""Where a link leads, when the Toxiproxy that makes it is not to be trusted."""

import json
from pathlib import Path

import pytest
from aiohttp import web

from harness.foundation.errors import FaultBackendUnreachableError
from harness.run_directory.undo import UndoJournal
from harness.services.fault_sites import links
from harness.services.toxiproxy.api import Api
from harness.services.toxiproxy.server import Toxiproxy


@pytest.mark.parametrize("listen", ["203.0.113.9:80", "0.0.0.0:80", "[::]:80", "203.0.113.9", ""])
async def test_a_proxy_that_listens_elsewhere_is_not_used(tmp_path: Path, listen: str) -> None:
    """The load goes where Toxiproxy says that it listens; it was asked for a place on this machine."""
    told = json.dumps(
        {"name": "harness-r-client", "listen": listen, "upstream": "127.0.0.1:9", "enabled": True}
    )

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="{}" if request.method == "DELETE" or request.path == "/proxies" else told)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
    try:
        with (
            UndoJournal(tmp_path / "undo.jsonl"),
            pytest.raises(FaultBackendUnreachableError, match="does not listen on this machine"),
        ):
            async with links.opened(
                Toxiproxy(url, "2.13.0", ours=False, api=Api(url)), "r", "client", "http://127.0.0.1:9"
            ):
                pass
    finally:
        await runner.cleanup()
