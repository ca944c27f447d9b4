"""Reset peer: a connection is reset when data arrives on it, after a time.

Toxiproxy resets connections that were opened while the toxic was on; one that was open before is closed in order
(FIN) at its next data, and its caller connects again, into a reset. Upstream, the request is lost; downstream, the
server has done the work, and the reply is lost.
"""

from collections.abc import Mapping

from harness.faults.canary.decision import ended_as, knocked_as
from harness.faults.canary.evidence import Ask, Canaries, VerificationResult
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

COUNT = 3
ANSWER_S = 2.0


def reset_peer(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that resets connections."""
    after_s = float(parameters["timeout"])
    toxics = on_streams(name, "reset_peer", parameters["direction"], timeout=round(after_s * MS_PER_S))
    judge = ended_as("reset")

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        limit_s = after_s + ANSWER_S
        pairs = await canaries.until(judge, within_s, Ask(fresh=True, limit_s=limit_s), COUNT)
        decision = judge(pairs)
        if (
            decision.word == "unknown"
        ):  # the end of a connection is data, too, and the server has no part in it
            decision = decision.else_by(knocked_as(await canaries.knocks(COUNT, 1, limit_s), "reset"))
        return VerificationResult(pairs, decision.why)

    return Toxics(link, toxics, shows)
