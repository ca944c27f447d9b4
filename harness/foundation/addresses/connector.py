"""An aiohttp connector that uses the vetted addresses. A module of its own: importing aiohttp takes 0.2 s.

The Host header and the certificate check keep the name. aiohttp does not ask the resolver about an IP
address, so an IP address in a URL must be one of the run's (`conduct.setup.vetted_addresses`), or another
port of the same host.
"""

from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from harness.foundation.addresses import resolved


class _ByBook(AbstractResolver):
    """An aiohttp resolver that answers from the vetted addresses."""

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=resolved.family(address), proto=0, flags=0
            )
            for address in await resolved.addresses(host)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def connector(**more: Any) -> aiohttp.TCPConnector:
    """A connector for an aiohttp session. It caches nothing, because it looks nothing up."""
    return aiohttp.TCPConnector(resolver=_ByBook(), use_dns_cache=False, **more)
