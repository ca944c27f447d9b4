"""Bandwidth: so many bytes a second go over the link in one direction, and no more; one budget a connection.

A canary sends or asks for as many bytes as the rate lets through in `SHOWS_S`: what travels beside the link in
no time takes bytes / rate through it. A rate so high that a canary cannot fill it (`REQUESTS_MOST`), or not with
as many requests as a busy server answers in the time, is not verified.
"""

from collections.abc import Mapping, Sequence
from math import ceil

from harness.faults.canary.decision import added, knocked_slower, slower_by
from harness.faults.canary.evidence import (
    NOISE_MS,
    Ask,
    Canaries,
    Canary,
    CanaryDecision,
    CanaryPair,
    VerificationResult,
)
from harness.faults.canary.sizing import as_many_as
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import BYTES, MS_PER_S
from harness.services.fault_sites.links import Link

SHOWS_S = 0.3
PADDING = 4000  # bytes that any server takes in a head
REQUESTS_MOST = 1000
COUNT = 3
MOST = 1.5  # each chunk waits a millisecond or so longer than it should


def bandwidth(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that limits the bandwidth of a link."""
    rate_kb_s = max(1, round(float(parameters["rate"]) / BYTES["KB"]))
    upstream = parameters["direction"] == "upstream"
    toxics = on_streams(name, "bandwidth", parameters["direction"], rate=rate_kb_s)
    bytes_per_ms = rate_kb_s * BYTES["KB"] / MS_PER_S

    def size(one: Canary) -> int:
        return one.bytes_out if upstream else one.bytes_in

    def expected(pairs: Sequence[CanaryPair]) -> float:
        """Return how many ms the largest canary takes at this rate (the one beside, where none came back)."""
        return (
            max(size(pair.through if pair.through.end == "replied" else pair.beside) for pair in pairs)
            / bytes_per_ms
        )

    def judge(pairs: Sequence[CanaryPair]) -> CanaryDecision:
        ms = expected(pairs)
        decision = slower_by(pairs, ms, ms * MOST)
        if ms < 2 * NOISE_MS and decision.word != "target":
            return CanaryDecision("unknown", "canaries are too small to fill a link that wide")
        return decision

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        padding = PADDING if upstream else 0
        (first,) = await canaries.pairs(1, Ask(padding=padding, limit_s=within_s))
        wanted = min(ceil(SHOWS_S * MS_PER_S * bytes_per_ms / max(size(first.beside), 1)), REQUESTS_MOST)
        requests, left_s = as_many_as(wanted, first, within_s)
        pairs = [first]
        if requests:
            pairs = await canaries.until(judge, left_s, Ask(requests=requests, padding=padding), COUNT)
        decision, delay = judge(pairs), added(pairs)
        if decision.word == "unknown" and upstream and PADDING / bytes_per_ms >= 2 * NOISE_MS:
            knocks = await canaries.knocks(COUNT, PADDING)
            ms = PADDING / bytes_per_ms
            decision = decision.else_by(knocked_slower(knocks, ms, ms * MOST))
        return VerificationResult(pairs, decision.why, expected(pairs), delay.ms if delay else None)

    return Toxics(link, toxics, shows)
