"""Slicer: what travels over the link is cut into small pieces, with a pause after each.

Toxiproxy halves a chunk until its pieces are about as small as was asked for, so there are between size / slice and
twice as many; its pauses are a millisecond or so longer than asked for. Without a pause pieces would run together
again on the way, and nothing could be shown: there is always one.
"""

from collections.abc import Mapping
from math import ceil

from harness.faults.evidence import NOISE_MS, Ask, Canaries, Shown, added_ms, why_beside_is_no_measure
from harness.faults.fault import Fault, Toxics, on_streams
from harness.services.links import Link
from harness.units import MS_PER_S

US_PER_S = 1_000_000
SHOWS_S = 0.3
REQUESTS_MOST = 1000
COUNT = 3
LEAST = 0.4  # of the pauses asked for: a chunk that is smaller than a slice is not cut


def slicer(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Crumbs."""
    slice_bytes, pause_s = round(float(parameters["size"])), float(parameters["pause"])
    toxics = on_streams(
        name,
        "slicer",
        parameters["direction"],
        average_size=slice_bytes,
        size_variation=slice_bytes // 4,
        delay=round(pause_s * US_PER_S),
    )
    upstream = parameters["direction"] == "upstream"

    async def shows(canaries: Canaries) -> Shown:
        padding = slice_bytes if upstream else 0
        (first,) = await canaries.pairs(1, Ask(padding=padding))
        each = (first.beside.bytes_out if upstream else first.beside.bytes_in) / slice_bytes * pause_s
        requests = min(max(1, ceil(SHOWS_S / max(each, pause_s))), REQUESTS_MOST)
        pairs = await canaries.pairs(COUNT, Ask(requests=requests, padding=padding))
        if trouble := why_beside_is_no_measure(pairs):
            return Shown(pairs, trouble)
        beside = pairs[0].beside
        pieces = (beside.bytes_out if upstream else beside.bytes_in) / slice_bytes
        expected_ms = pieces * pause_s * MS_PER_S
        added = added_ms(pairs)
        if added is None:
            return Shown(pairs, "too few canaries came back to tell", expected_ms)
        if added < max(expected_ms * LEAST, NOISE_MS):
            why = f"canaries were {added:.1f} ms slower through the link, not {expected_ms:.0f} ms"
            return Shown(pairs, why, expected_ms)
        return Shown(pairs, "", expected_ms)

    return Toxics(link, toxics, shows)
