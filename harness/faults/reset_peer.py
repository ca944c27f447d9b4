"""Reset peer: a connection is reset when data arrives on it, after a time.

Toxiproxy resets connections that were opened while the toxic was on; one that was open before is closed in order
(FIN) at its next data, and its caller connects again, into a reset. Upstream, the request is lost; downstream, the
server has done the work, and the reply is lost.
"""

from collections.abc import Mapping

from harness.faults.evidence import Ask, Canaries, Shown, why_not_ended
from harness.faults.fault import Fault, Toxics, on_streams
from harness.services.links import Link
from harness.units import MS_PER_S

COUNT = 3


def reset_peer(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Connections end in a reset."""
    after_s = float(parameters["timeout"])
    toxics = on_streams(name, "reset_peer", parameters["direction"], timeout=round(after_s * MS_PER_S))

    async def shows(canaries: Canaries) -> Shown:
        pairs = await canaries.pairs(COUNT, Ask(fresh=True, limit_s=after_s + 2.0))
        return Shown(pairs, why_not_ended(pairs, "reset"))

    return Toxics(link, toxics, shows)
