"""aiohttp's way to connect, by vetted addresses; apart, because aiohttp takes a fifth of a second to import.

The Host header and the certificate keep the name. aiohttp does not ask for what is a number already, so what is handed to
it has to be an address of the run's (`conduct.setup.vetted_addresses`), or one beside it at the same host.
"""

from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from harness.foundation.addresses import book


class _ByBook(AbstractResolver):
    """Names as they were vetted."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=book.family(address), proto=0, flags=0
            )
            for address in await book.addresses(host)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def connector(**more: Any) -> aiohttp.TCPConnector:
    """For a session of aiohttp's; no cache, since nothing is looked up."""
    return aiohttp.TCPConnector(resolver=_ByBook(), use_dns_cache=False, **more)
