"""Latency: data over the link is delayed, in one direction or in both.

Toxiproxy's toxic works on each chunk of one stream, evenly spread over latency ± jitter: a round trip that
sends one chunk each way is slowed down once for each direction held back. A request that makes several round
trips over the link (a database transaction) is slowed down that often: the effect is verified on the link, and
how much more the calls were slowed down is the amplification.
"""

from collections.abc import Mapping
from functools import partial

from harness.faults.canary.decision import added, knocked_slower, slower_by
from harness.faults.canary.evidence import Canaries, VerificationResult
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

KNOCKS = 3


def latency(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that delays data on a link."""
    latency_ms = round(float(parameters["latency"]) * MS_PER_S)
    jitter_ms = round(float(parameters["jitter"]) * MS_PER_S)
    toxics = on_streams(name, "latency", parameters["direction"], latency=latency_ms, jitter=jitter_ms)
    expected_ms = float(latency_ms * len(toxics))
    judge = partial(slower_by, expected_ms=expected_ms, spread_ms=float(jitter_ms * len(toxics)))

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        pairs = await canaries.until(judge, within_s)
        decision, delay = judge(pairs), added(pairs)
        if decision.word == "unknown" and parameters["direction"] == "upstream":
            knocks = await canaries.knocks(KNOCKS)
            decision = decision.else_by(knocked_slower(knocks, expected_ms, spread_ms=float(jitter_ms)))
        return VerificationResult(pairs, decision.why, expected_ms, delay.ms if delay else None)

    return Toxics(link, toxics, shows)
