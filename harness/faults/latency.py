"""Latency: what travels over the link is held back, in one direction or in both.

Toxiproxy's toxic works on each chunk of one stream, evenly spread over latency ± jitter: a round trip that
sends one chunk each way is slowed down once for each direction held back. A request that makes several round
trips over the link (a database transaction) is slowed down that often: the effect is verified on the link, and
how much more the calls were slowed down is the amplification.
"""

from collections.abc import Mapping, Sequence

from harness.faults.fault import NOISE_MS, Pair, added_ms
from harness.services.links import Link
from harness.services.toxiproxy_api import Stream, Toxic
from harness.services.undoing import Undo, toxics

TOLERANCE = 0.10
STREAMS: dict[str, tuple[Stream, ...]] = {
    "downstream": ("downstream",),
    "upstream": ("upstream",),
    "both": ("upstream", "downstream"),
}


class Latency:
    """Round trips take longer."""

    def __init__(self, link: Link, name: str, parameters: Mapping[str, float | str]) -> None:
        self._link = link
        self._latency_ms = round(float(parameters["latency"]) * 1000)
        attributes = {"latency": self._latency_ms, "jitter": round(float(parameters["jitter"]) * 1000)}
        self._toxics = [
            Toxic(f"{name}-{stream}", "latency", stream, attributes=attributes)
            for stream in STREAMS[str(parameters["direction"])]
        ]

    def undo(self) -> Undo | None:
        return toxics(self._link, [toxic.name for toxic in self._toxics])

    async def apply(self) -> None:
        for toxic in self._toxics:
            await self._link.api.add_toxic(self._link.proxy, toxic)

    def why_not(self, pairs: Sequence[Pair]) -> str:
        added, expected = added_ms(pairs), self.expected_ms()
        if added is None:
            return "too few canaries came back to tell"
        # Short of the time asked for it cannot be, but for noise; it may take a little longer on a busy machine.
        allowed = max(expected * TOLERANCE, NOISE_MS)
        if abs(added - expected) > allowed:
            return f"canaries were {added:.1f} ms slower through the link, not {expected:.0f} ms"
        return ""

    def expected_ms(self) -> float:
        return float(self._latency_ms * len(self._toxics))

    async def heal(self) -> None:
        for toxic in self._toxics:
            await self._link.remove_toxic(toxic.name)
