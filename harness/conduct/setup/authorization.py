"""Who the clients of a run are to its server, and the way to it: certificates, a proxy, a token that is kept valid.

Both are settled before the preflight, and hold for every request of the run: the harness's own and the users'.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.client.auth.keeper import Keeper
from harness.client.auth.keeping import keeper_of
from harness.client.waiting import awaited
from harness.foundation.addresses import route
from harness.foundation.addresses.route import INSECURE, Route, Tls
from harness.foundation.clock import Clock
from harness.load.engine import Load
from harness.mcp import outcome
from harness.scenario.auth import TlsFiles
from harness.scenario.model import Target

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(slots=True)
class Authorization:
    """The way to the server, the headers of all requests, and who keeps the token among them valid."""

    route: Route
    headers: dict[str, str] = field(repr=False)
    keeper: Keeper | None = None

    @property
    def fixed(self) -> dict[str, str]:
        """The headers that stay as they are."""
        if self.keeper is None:
            return self.headers
        return {name: value for name, value in self.headers.items() if name != "Authorization"}

    @property
    def credential(self) -> dict[str, str]:
        """The header that is renewed."""
        return {} if self.keeper is None else {"Authorization": self.headers["Authorization"]}

    async def lead(self, load: Load) -> None:
        """Have the load use each new token."""
        if self.keeper is not None:
            await self.keeper.tell(lambda _: load.authorize(self.credential))

    def look(self, tables: "list[pa.Table]", origin_ns: int) -> None:
        """Look for calls that were refused: their token may have been revoked."""
        if self.keeper is None:
            return
        import pyarrow as pa
        import pyarrow.compute as pc

        for table in tables:
            refused = table.filter(pc.equal(pc.cast(table["outcome"], pa.string()), outcome.UNAUTHORIZED))
            if refused.num_rows and (sent_ns := pc.max(refused["sent_ns"]).as_py()) is not None:
                self.keeper.was_refused(sent_ns + origin_ns)


def tls_of(files: TlsFiles | None) -> Tls:
    """The certificates that a scenario names, checked: UsageError when a file cannot be used."""
    tls = Tls() if files is None else Tls(files.ca, files.cert, files.key, files.insecure)
    tls.check()
    return tls


async def authorized(
    stack: AsyncExitStack,
    target: Target,
    url: str,
    headers: dict[str, str],
    allowed_hosts: list[str],
    clock: Clock,
    note: Callable[[str], None],
) -> Authorization:
    """Go the way that the scenario says, and get the first token; the next ones come until the stack ends."""
    tls = tls_of(target.tls)
    by = Route(tls, None if target.is_stdio else route.proxy_of(url, os.environ))
    stack.enter_context(route.in_force(by))
    if tls.insecure:
        note(INSECURE)
    if by.proxy is not None:
        note(f"By way of the proxy {by.proxy.origin}, which {by.proxy.named_by} names")
    if target.wait:
        await awaited(url, target.wait, note)
    if target.auth is None:
        return Authorization(by, headers)
    keeper = keeper_of(target.auth, url, headers, tls, allowed_hosts, clock, note)
    await keeper.begin()
    keeping = asyncio.create_task(keeper.keep())

    async def stop() -> None:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    stack.push_async_callback(stop)
    return Authorization(by, headers, keeper)
