"""Bandwidth: so many bytes a second go over the link in one direction, and no more; one budget a connection.

A canary sends or asks for as many bytes as the rate lets through in `SHOWS_S`: what travels beside the link in
no time takes bytes / rate through it. A rate so high that a canary cannot fill it (`REQUESTS_MOST`) is not verified.
"""

from collections.abc import Mapping
from math import ceil

from harness.faults.evidence import NOISE_MS, Ask, Canaries, Shown, why_not_slower_by
from harness.faults.fault import Fault, Toxics, on_streams
from harness.services.links import Link
from harness.units import BYTES, MS_PER_S

SHOWS_S = 0.3
PADDING = 4000  # bytes that any server takes in a head
REQUESTS_MOST = 1000
COUNT = 3
MOST = 1.5  # each chunk waits a millisecond or so longer than it should


def bandwidth(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """A narrow link."""
    rate_kb_s = max(1, round(float(parameters["rate"]) / BYTES["KB"]))
    upstream = parameters["direction"] == "upstream"
    toxics = on_streams(name, "bandwidth", parameters["direction"], rate=rate_kb_s)

    async def shows(canaries: Canaries) -> Shown:
        (first,) = await canaries.pairs(1, Ask(padding=PADDING if upstream else 0))
        each = first.beside.bytes_out if upstream else first.beside.bytes_in
        requests = min(ceil(SHOWS_S * rate_kb_s * BYTES["KB"] / max(each, 1)), REQUESTS_MOST)
        pairs = await canaries.pairs(COUNT, Ask(requests=requests, padding=PADDING if upstream else 0))
        beside = pairs[0].beside
        expected_ms = (
            (beside.bytes_out if upstream else beside.bytes_in) / (rate_kb_s * BYTES["KB"]) * MS_PER_S
        )
        if expected_ms < 2 * NOISE_MS:
            return Shown(pairs, "canaries are too small to fill a link that wide", expected_ms)
        return Shown(pairs, why_not_slower_by(pairs, expected_ms, expected_ms * MOST), expected_ms)

    return Toxics(link, toxics, shows)
