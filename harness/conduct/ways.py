"""The links of a run: those that its faults are planned on lead through proxies, from before the load to its end."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from harness import canary
from harness.clock import Clock
from harness.injector import Way
from harness.plan.plan import Plan
from harness.record.rundir import RunDirectory
from harness.record.undo import Journal
from harness.services import links, toxiproxy
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
        canaries = await self.stack.enter_async_context(canary.opened(link, url, self.clock))
        self.found[name] = Way(link, canaries)
        return link.through(url)


async def prepare(
    stack: AsyncExitStack, plan: Plan, directory: RunDirectory, undo: Journal, clock: Clock
) -> Ways:
    """A Toxiproxy, if any fault is planned: without one the run ends here, before any load."""
    needed = frozenset(fault.link for fault in plan.faults)
    server = (
        await stack.enter_async_context(toxiproxy.provided_or_started(undo, directory.path))
        if needed
        else None
    )
    return Ways(stack, needed, server, undo, directory.run_id, clock)
