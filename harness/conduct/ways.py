"""The places of a run's faults: links lead through proxies from before the load to its end; processes stand as they are."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from harness import canary
from harness.catalogue import WAYS, where
from harness.clock import Clock
from harness.errors import UsageError
from harness.injector import Way
from harness.record.rundir import RunDirectory
from harness.record.undo import Journal
from harness.services import links, toxiproxy
from harness.services.part import Part
from harness.services.seat import Seat
from harness.services.toxiproxy import Toxiproxy


@dataclass(slots=True)
class Ways:
    """Opens links as the parts at their ends become known."""

    stack: AsyncExitStack
    needed: frozenset[str]
    server: Toxiproxy | None
    undo: Journal
    run_id: str
    clock: Clock
    found: dict[str, Way] = field(default_factory=dict)

    async def lead(self, name: str, url: str) -> str:
        """The URL by way of that link; the same URL when no fault is planned on it."""
        if name not in self.needed or self.server is None:
            return url
        link = await self.stack.enter_async_context(
            links.opened(self.server, self.undo, self.run_id, name, url)
        )
        canaries = await self.stack.enter_async_context(canary.opened(link.through(url), url, self.clock))
        self.found[name] = Way(link, canaries)
        return link.through(url)

    async def take(self, name: str, seat: Seat | None, url: str) -> None:
        """Processes that faults are planned on; those of a user's own server are not ours to stop."""
        if name not in self.needed:
            return
        if seat is None:
            raise UsageError(
                f"A fault on {where(name)} needs one that the harness has started",
                "DATABASE_URL names one of yours",
                "Unset DATABASE_URL, or disturb the database link: link: database, fault: down",
            )
        canaries = await self.stack.enter_async_context(canary.opened(url, url, self.clock))
        self.found[name] = Way(Part(where(name), seat), canaries)


async def prepare(
    stack: AsyncExitStack, needed: frozenset[str], directory: RunDirectory, undo: Journal, clock: Clock
) -> Ways:
    """A Toxiproxy, if a fault is planned on a link: without one the run ends here, before any load."""
    server = (
        await stack.enter_async_context(toxiproxy.provided_or_started(undo, directory.path))
        if needed & set(WAYS)
        else None
    )
    return Ways(stack, needed, server, undo, directory.run_id, clock)
