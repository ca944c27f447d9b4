"""Links: a proxy of ours in the path, for the whole run, baseline included, so that only the fault changes.

    load ---> [client link] ---> target ---> [database link] ---> PostgreSQL
                                        ---> [queue link] ------> RabbitMQ
                                        ---> [sessions link] ---> Redis
    your own server ---> [a link of your own] ---> what it needs

A proxy's name carries our prefix and the run's id; a Toxiproxy that is shared with others is left as it was
found. The proxy is written down before it is made, and deleted when the run ends.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from harness.foundation.addresses import resolved
from harness.foundation.errors import FaultBackendUnreachableError, HarnessError
from harness.foundation.untrusted.documents import short
from harness.run_directory.undo import journal
from harness.services.cleanup import undoing
from harness.services.cleanup.undoing import Undo
from harness.services.toxiproxy.api import ANYWHERE, Api, RefusedError
from harness.services.toxiproxy.server import Toxiproxy

PREFIX = "harness-"


@dataclass(frozen=True, slots=True)
class Link:
    """A proxied connection path, such as load to target."""

    name: str
    proxy: str
    listen: str  # host:port, where the traffic goes in
    upstream: str  # host:port, where it comes out
    api: Api
    ours: bool  # the Toxiproxy was started for this run
    server: Toxiproxy | None = None

    @property
    def gone(self) -> bool:
        """Whether the link's Toxiproxy has ended, and with it everything that was on the link."""
        return self.server is not None and self.server.gone

    def through(self, url: str) -> str:
        """Return a URL of the upstream with the link's address in place of its own."""
        return _at(url, self.listen)

    def undo_toxics(self, names: Sequence[str]) -> Undo:
        """Return how another process takes these toxics off."""
        return undoing.toxics(self.api.url, self.proxy, names, ours=self.ours)

    def undo_down(self) -> Undo:
        """Return how another process enables the proxy again."""
        return undoing.enabled(self.api.url, self.proxy, ours=self.ours)

    async def remove_toxic(self, name: str) -> None:
        """Take a toxic off; do nothing if it is not there."""
        try:
            await self.api.remove_toxic(self.proxy, name)
        except RefusedError as error:
            if not error.missing:
                raise

    async def clear(self) -> None:
        """Take all toxics off and enable the proxy; a server that hung may have carried out requests late."""
        state = await self.api.proxy(self.proxy)
        for toxic in state.toxics:
            await self.remove_toxic(toxic.name)
        if not state.enabled:
            await self.api.update_proxy(self.proxy, enabled=True)

    async def touched(self) -> str:
        """Return what is on the link, read back from Toxiproxy; "" when there is nothing."""
        state = await self.api.proxy(self.proxy)
        if state.toxics:
            return f"Toxiproxy has a {state.toxics[0].type} toxic on it"
        return "" if state.enabled else "Toxiproxy has it disabled"

    async def renew(self) -> None:
        """Disable and enable the proxy, for a toxic that does not come off; this drops every connection."""
        await self.api.update_proxy(self.proxy, enabled=False)
        await self.clear()


@asynccontextmanager
async def opened(
    toxiproxy: Toxiproxy, run_id: str, name: str, url: str, listen: str = ANYWHERE
) -> AsyncIterator[Link]:
    """Make a link to the host and port of a URL, at any free port or at a fixed one; it is deleted afterwards."""
    where = urlsplit(await resolved.by_number(url))
    host = f"[{where.hostname}]" if ":" in (where.hostname or "") else where.hostname
    upstream = f"{host}:{where.port or resolved.PORTS.get(where.scheme, 80)}"
    proxy = f"{PREFIX}{run_id}-{name}"
    must = undoing.proxy(toxiproxy.url, proxy, ours=toxiproxy.ours)
    entry = journal().add(must.what, **must.data)
    made = await toxiproxy.api.create_proxy(proxy, upstream, listen)
    try:
        _check_near(toxiproxy, made.listen)
        yield Link(name, proxy, made.listen, upstream, toxiproxy.api, toxiproxy.ours, toxiproxy)
    finally:
        # A proxy that cannot be deleted now stays listed: the janitor tries again, and reports it.
        with suppress(HarnessError):
            try:
                if not toxiproxy.gone:
                    await toxiproxy.api.delete_proxy(proxy)
            except RefusedError as error:
                if not error.missing:
                    raise
            entry.done()


def _check_near(toxiproxy: Toxiproxy, listen: str) -> None:
    """Refuse a proxy that is not on this machine: the load would go to whatever address Toxiproxy names."""
    host = listen.rpartition(":")[0].strip("[]")
    if not resolved.is_this_machine(host):
        raise FaultBackendUnreachableError(
            f"Toxiproxy at {toxiproxy.url} does not listen on this machine",
            f"It was asked for a proxy at a loopback address, and says {short(listen, 60)!r}",
            "Unset TOXIPROXY_URL: the harness starts one of its own",
        )


def _at(url: str, listen: str) -> str:
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{listen}"))
