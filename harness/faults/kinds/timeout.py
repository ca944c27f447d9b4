"""Timeout: nothing gets through in one direction, and after a time the connection is closed; with 0s, never.

Upstream, requests are lost before the server sees them. Downstream, the server does the work and its replies are
lost: who tries again does it twice. Healing closes the connections on which something was lost.
"""

from collections.abc import Mapping

from harness.faults.canary.decision import ended_as, lost
from harness.faults.canary.evidence import Ask, Canaries, VerificationResult
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

COUNT = 3
SILENT_S = 1.0  # longer than a canary beside the link takes, unless the server is busy
LONGEST_S = 5.0  # silence for this long is proof; a later close is not awaited


def timeout(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that drops a link's data, and may close the connection after a time."""
    after_s = float(parameters["timeout"])
    toxics = on_streams(name, "timeout", parameters["direction"], timeout=round(after_s * MS_PER_S))
    closes = 0 < after_s < LONGEST_S

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        limit_s = after_s + SILENT_S if closes else SILENT_S
        judge = ended_as("closed", "reset") if closes else lost
        pairs = await canaries.until(judge, COUNT * limit_s, Ask(fresh=True, limit_s=limit_s), COUNT)
        left_s = within_s - len(pairs) * limit_s
        if judge(pairs).word == "unknown" and left_s > limit_s:
            # The server may be busy: try once more, with all the time that is left.
            pairs = await canaries.pairs(1, Ask(fresh=True, limit_s=left_s))
        return VerificationResult(pairs, judge(pairs).why)

    return Toxics(link, toxics, shows)
