"""The servers behind `harness serve`, which hold its data: the database, the queue, the sessions.

They go by the rules of a run: this machine, or a host that --allow-backend names (--allow-host is about the Host header of
requests). All are vetted before anything starts, and the server is told numbers, so that a name leads nowhere else later.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from harness.conduct.setup import vetted_addresses
from harness.foundation.addresses import resolved
from harness.foundation.addresses.judging import Wanted

ALLOWED_BY: Final = "--allow-backend"


@dataclass(frozen=True, slots=True)
class Backends:
    """The addresses, by the variable that names each; they may hold passwords."""

    urls: Mapping[str, str] = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)  # variable -> the option that was typed instead

    def vetted(self, allowed_hosts: Sequence[str]) -> "Backends":
        """The same with numbers in the place of names; raise UsageError when one may not be connected to."""
        return asyncio.run(self._vetted(allowed_hosts))

    async def _vetted(self, allowed_hosts: Sequence[str]) -> "Backends":
        vetted = await vetted_addresses.looked_up(self._wanted(), allowed_hosts, allowed_by=ALLOWED_BY)
        with resolved.in_force(vetted):
            return replace(
                self,
                urls={name: url and await resolved.by_number(url) for name, url in self.urls.items()},
            )

    def _wanted(self) -> Iterator[Wanted]:
        for variable, url in self.urls.items():
            named_by = self.options.get(variable, variable)
            if url and (wanted := vetted_addresses.service(named_by, variable, url)) is not None:
                yield replace(wanted, purpose="The server's data goes", allowed_by=ALLOWED_BY)
