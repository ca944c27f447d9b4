"""Limit data: a connection is closed after so many bytes have come over it.

A connection that was open before the fault has its bytes counted from then on.
"""

from collections.abc import Mapping, Sequence
from math import ceil

from harness.faults.canary.decision import ended
from harness.faults.canary.evidence import (
    SHOWN,
    Ask,
    Canaries,
    Canary,
    CanaryDecision,
    CanaryPair,
    VerificationResult,
)
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

REQUESTS_MOST = 4000
COUNT = 3


def limit_data(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that closes a connection after a number of bytes."""
    limit_bytes = round(float(parameters["bytes"]))
    toxics = on_streams(name, "limit_data", "downstream", bytes=limit_bytes)

    def judge(pairs: Sequence[CanaryPair]) -> CanaryDecision:
        if all(_cut(pair.through, limit_bytes) for pair in pairs):
            return SHOWN
        decision = ended(pairs, "closed", "reset")
        most = max(pair.through.bytes_in for pair in pairs)
        if most > limit_bytes:
            return CanaryDecision("not shown", f"{most} bytes came over a connection, not {limit_bytes}")
        if decision.word == "unknown":
            return CanaryDecision("unknown", f"{decision.why}: {most} of {limit_bytes} bytes had come")
        return decision

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        (first,) = await canaries.pairs(1, Ask(fresh=True, limit_s=within_s))
        requests = min(ceil(limit_bytes / max(first.beside.bytes_in, 1)) + 1, REQUESTS_MOST)
        left_s = within_s - max(first.beside.lasted_ms, first.through.lasted_ms) / MS_PER_S
        if left_s <= 0:
            return VerificationResult([first], judge([first]).why)
        pairs = await canaries.until(judge, left_s, Ask(requests=requests, fresh=True, limit_s=left_s), COUNT)
        return VerificationResult(pairs, judge(pairs).why)

    return Toxics(link, toxics, shows)


def _cut(one: Canary, limit_bytes: int) -> bool:
    """Whether exactly the limit came through although the server has sent more."""
    more = one.far is not None and one.far.bytes_in > limit_bytes
    return one.end in {"closed", "reset"} and one.bytes_in == limit_bytes and more
