"""Limit data: a connection is closed after so many bytes have come over it.

A connection that was open before the fault has its bytes counted from then on.
"""

from collections.abc import Mapping
from math import ceil

from harness.faults.evidence import Ask, Canaries, Shown, why_not_ended
from harness.faults.fault import Fault, Toxics, on_streams
from harness.services.links import Link

REQUESTS_MOST = 4000
COUNT = 3


def limit_data(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Connections that break off."""
    limit_bytes = round(float(parameters["bytes"]))
    toxics = on_streams(name, "limit_data", "downstream", bytes=limit_bytes)

    async def shows(canaries: Canaries) -> Shown:
        (first,) = await canaries.pairs(1, Ask(fresh=True))
        requests = min(ceil(limit_bytes / max(first.beside.bytes_in, 1)) + 1, REQUESTS_MOST)
        pairs = await canaries.pairs(COUNT, Ask(requests=requests, fresh=True))
        why = why_not_ended(pairs, "closed", "reset")
        most = max(pair.through.bytes_in for pair in pairs)
        if not why and most > limit_bytes:
            why = f"{most} bytes came over a connection, not {limit_bytes}"
        return Shown(pairs, why)

    return Toxics(link, toxics, shows)
