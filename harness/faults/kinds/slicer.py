"""Slicer: what travels over the link is cut into small pieces, with a pause after each.

Toxiproxy halves a chunk until its pieces are about as small as was asked for, so there are between size / slice and
twice as many; its pauses are a millisecond or so longer than asked for. Without a pause pieces would run together
again on the way, and nothing could be shown: there is always one.

It shows in the time that the pauses take, or, where a busy server answers too few requests for that, in the pieces that the
kernel has counted on both sides of the link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from harness.faults.canary.decision import added, beside, knocked_slower, silence
from harness.faults.canary.evidence import (
    NOISE_MS,
    SHOWN,
    Ask,
    Canaries,
    Canary,
    CanaryDecision,
    CanaryPair,
    VerificationResult,
)
from harness.faults.canary.sizing import as_many_as
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

US_PER_S = 1_000_000
SHOWS_S = 0.3
REQUESTS_MOST = 1000
COUNT = 3
LEAST = 0.4  # of the pauses asked for: a chunk that is smaller than a slice is not cut
MOST = 4.0  # twice as many pieces, and pauses that are a millisecond longer
MORE = 1.4  # times as many pieces on our side as the server has sent
KNOCK_BYTES = 4000


@dataclass(frozen=True, slots=True)
class Slices:
    """The parameters of a slicer, and how its effect is judged."""

    size_bytes: int
    pause_ms: float
    upstream: bool

    def expected_ms(self, pairs: Sequence[CanaryPair]) -> float:
        """Return the pauses in ms for the largest canary (the one beside, where none came back)."""
        ones = [pair.through if pair.through.end == "replied" else pair.beside for pair in pairs]
        return (
            max(one.bytes_out if self.upstream else one.bytes_in for one in ones)
            / self.size_bytes
            * self.pause_ms
        )

    def judge(self, pairs: Sequence[CanaryPair]) -> CanaryDecision:
        for nothing in (beside(pairs), silence(pairs)):
            if nothing != SHOWN:
                return nothing
        expected_ms, delay = self.expected_ms(pairs), added(pairs)
        least_ms = max(expected_ms * LEAST, NOISE_MS)
        if delay is not None and delay.likely_ms[0] >= least_ms:
            return SHOWN
        counted = self.counted(pairs)
        if counted.word == "unknown" and delay is not None and delay.certain_ms[1] < least_ms <= expected_ms:
            why = f"canaries were {delay.ms:.1f} ms slower through the link, not {expected_ms:.0f} ms"
            return CanaryDecision("not shown", why)
        return counted

    def counted(self, pairs: Sequence[CanaryPair]) -> CanaryDecision:
        """Decide by comparing the number of segments that came with the number that the server sent."""
        back = [pair.through for pair in pairs if pair.through.end == "replied"]
        if self.upstream or not all(map(_is_counted, back)):
            return CanaryDecision("unknown", "too little data came back to tell slices from noise")
        if all(
            one.pieces_in >= LEAST * one.bytes_in / self.size_bytes and _times(one) >= MORE for one in back
        ):
            return SHOWN
        if all(one.bytes_in > 2 * self.size_bytes and _times(one) <= 1 for one in back):
            return CanaryDecision("not shown", "replies came in the pieces in which the server had sent them")
        return CanaryDecision("unknown", "there were too few pieces to tell")


def slicer(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that cuts data on a link into small pieces."""
    slice_bytes, pause_s = round(float(parameters["size"])), float(parameters["pause"])
    toxics = on_streams(
        name,
        "slicer",
        parameters["direction"],
        average_size=slice_bytes,
        size_variation=slice_bytes // 4,
        delay=round(pause_s * US_PER_S),
    )
    slices = Slices(slice_bytes, pause_s * MS_PER_S, parameters["direction"] == "upstream")

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        padding = slice_bytes if slices.upstream else 0
        (first,) = await canaries.pairs(1, Ask(padding=padding, limit_s=within_s))
        each_s = max(slices.expected_ms([first]) / MS_PER_S, pause_s)
        wanted = min(max(1, ceil(SHOWS_S / each_s)), REQUESTS_MOST)
        requests, left_s = as_many_as(wanted, first, within_s)
        pairs = [first]
        if requests:
            ask = Ask(requests=requests, padding=padding, limit_s=left_s)
            pairs = await canaries.until(slices.judge, left_s, ask, COUNT)
        decision, delay = slices.judge(pairs), added(pairs)
        least_ms = KNOCK_BYTES / slice_bytes * slices.pause_ms
        if decision.word == "unknown" and slices.upstream and least_ms > 2 * NOISE_MS:
            knocks = await canaries.knocks(COUNT, KNOCK_BYTES)
            decision = decision.else_by(knocked_slower(knocks, least_ms, least_ms * MOST))
        return VerificationResult(pairs, decision.why, slices.expected_ms(pairs), delay.ms if delay else None)

    return Toxics(link, toxics, shows)


def _is_counted(one: Canary) -> bool:
    """Whether all that the server sent has come, and the kernel has counted its segments."""
    return one.far is not None and one.far.bytes_in == one.bytes_in and bool(one.pieces_in)


def _times(one: Canary) -> float:
    """Return into how many segments each segment of the server was cut, on average."""
    return one.pieces_in / max(one.far.pieces_in, 1) if one.far else 0.0
