"""Decide from several canaries how much delay a link adds, and whether that is the expected effect.

What it adds is known in one of two ways:

- *held*: the kernel's times on both sides of the link (`faults.canary.farside`). The server's own time is not in it.
- *paired*: the difference of a pair, where the kernel cannot tell. The server's own time is in it, as noise:
  the median of the differences gets an interval (the order statistics around it, 95 %; with fewer than six
  pairs, the least and the greatest). What must be certain needs a wider one, 99.9 % (none with fewer than
  eleven pairs), since it is tested after each pair.

A decision is one of four words:

- *shown*: all of the interval lies within what was to be seen, or every canary ended as it had to
- *not shown*: all of the wider interval lies outside, or canaries certainly ended in another way
- *target*: the server itself, beside the link, refuses or cuts connections: nothing can be compared
- *unknown*: none of these. More pairs are taken, within a bound; then it "could not be verified".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import median
from typing import Final

from harness.faults.canary.evidence import (
    NOISE_MS,
    SHOWN,
    TOLERANCE,
    Canary,
    CanaryDecision,
    CanaryPair,
    End,
    Judge,
    Knock,
    Word,
)
from harness.foundation.units import MS_PER_S

PAIRS_LEAST: Final = 3  # that a paired difference can be decided by
CONFIDENCE: Final = 0.95
CERTAIN: Final = 0.999
NOWHERE: Final = (-inf, inf)
STUCK_MS: Final = 4 * NOISE_MS
TIMES: Final = 3  # as long as beside the link, and nothing came: that is silence


@dataclass(frozen=True, slots=True)
class LinkDelay:
    """The delay that a link adds to a round trip: the median, and its 95 % and 99.9 % intervals."""

    ms: float
    likely_ms: tuple[float, float]
    certain_ms: tuple[float, float]
    held: bool = False


def added(pairs: Sequence[CanaryPair]) -> LinkDelay | None:
    """Return the link's delay, by the kernel's times if there are any, else by pairs.

    None without any reply.
    """
    held = [
        one.held_ms
        for one in (pair.through for pair in pairs)
        if one.end == "replied" and one.held_ms is not None
    ]
    if held:
        middle = median(held)
        # With one or two values, a machine that froze for a moment may be the reason.
        spare = 0.0 if len(held) >= PAIRS_LEAST else 2 * NOISE_MS
        return LinkDelay(middle, (middle, middle), (middle - spare, middle + spare), held=True)
    both = differences_ms(pairs)
    if not both:
        return None
    likely = interval(both) if len(both) >= PAIRS_LEAST else NOWHERE
    certain = interval(both, CERTAIN) if 2 * 0.5 ** len(both) <= 1 - CERTAIN else NOWHERE
    return LinkDelay(median(both), likely, certain)


def differences_ms(pairs: Sequence[CanaryPair]) -> list[float]:
    """Return, for each pair with two replies, the time through the link minus the time beside it, in ms."""
    return [
        pair.through.took_ms - pair.beside.took_ms
        for pair in pairs
        if pair.through.took_ms is not None and pair.beside.took_ms is not None
    ]


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return an interval for the median from order statistics, for any distribution of the values."""
    ordered, n = sorted(values), len(values)
    cut, outside = 0, 2 * 0.5**n  # that the median is beyond the least or the greatest
    while cut + 1 < n / 2 and outside + 2 * comb(n, cut + 1) * 0.5**n <= 1 - confidence:
        cut += 1
        outside += 2 * comb(n, cut) * 0.5**n
    return ordered[cut], ordered[n - 1 - cut]


def medians_ms(pairs: Sequence[CanaryPair]) -> tuple[float | None, float | None]:
    """Return the median times through the link and beside it, in ms; None where there was no reply."""
    through = [pair.through.took_ms for pair in pairs if pair.through.took_ms is not None]
    beside = [pair.beside.took_ms for pair in pairs if pair.beside.took_ms is not None]
    return (median(through) if through else None), (median(beside) if beside else None)


def beside(pairs: Sequence[CanaryPair]) -> CanaryDecision:
    """Decide whether the server itself is in order, so that there is something to compare with.

    Busy is in order.
    """
    cut = [pair.beside for pair in pairs if pair.beside.end != "replied" and not pair.beside.waits]
    if cut:
        return CanaryDecision(
            "target", f"a canary beside the link was {cut[0].end}: the target itself is in trouble"
        )
    return SHOWN


def answered(pairs: Sequence[CanaryPair]) -> CanaryDecision:
    """Decide whether all canaries through the link were answered, however long that took."""
    if (trouble := beside(pairs)) != SHOWN:
        return trouble
    cut = [pair.through for pair in pairs if pair.through.end != "replied" and not pair.through.waits]
    if cut:
        # A single one may be the server's accident; when it is more than half, the link is the cause.
        word: Word = "not shown" if 2 * len(cut) > len(pairs) else "unknown"
        return CanaryDecision(word, f"{len(cut)} of {len(pairs)} canaries through the link were {cut[0].end}")
    stuck = [_stuck_ms(pair.through) for pair in pairs]
    if any(stuck):
        return CanaryDecision(
            "not shown", f"the server answered {max(stuck):.0f} ms ago, and nothing came through the link"
        )
    return silence(pairs)


def silence(pairs: Sequence[CanaryPair]) -> CanaryDecision:
    """Decide whether the server answered any canary through the link."""
    if all(pair.through.end != "replied" for pair in pairs):
        longest_s = max((pair.through.lasted_ms for pair in pairs), default=0.0) / MS_PER_S
        return CanaryDecision("unknown", f"the server did not answer a canary within {longest_s:.1f} s")
    return SHOWN


def without_effect(pairs: Sequence[CanaryPair]) -> CanaryDecision:
    """Decide whether the link adds no delay."""
    if (trouble := answered(pairs)) != SHOWN:
        return trouble
    delay = added(pairs)
    if delay is None:
        return CanaryDecision("unknown", "too few canaries were answered to tell")
    if delay.likely_ms[0] >= -NOISE_MS and delay.likely_ms[1] <= NOISE_MS:
        return SHOWN
    if delay.certain_ms[0] > NOISE_MS:
        return CanaryDecision("not shown", f"the link adds {delay.ms:.1f} ms where nothing should be added")
    return _varies(pairs, delay)


def slower_by(
    pairs: Sequence[CanaryPair], expected_ms: float, most_ms: float | None = None, spread_ms: float = 0.0
) -> CanaryDecision:
    """Decide whether round trips took `expected_ms` longer, within noise.

    With `most_ms`, up to that much longer.
    """
    if (trouble := beside(pairs)) != SHOWN:
        return trouble
    if (nothing := silence(pairs)) != SHOWN:
        return nothing
    delay = added(pairs)
    if delay is None:
        return CanaryDecision("unknown", "too few canaries were answered to tell")
    return _between(delay, expected_ms, most_ms, spread_ms) or _varies(pairs, delay)


def _between(
    delay: LinkDelay, expected_ms: float, most_ms: float | None, spread_ms: float
) -> CanaryDecision | None:
    """Decide whether the delay is in the expected range; None when its interval crosses a bound."""
    allowed = max(expected_ms * TOLERANCE, NOISE_MS) + spread_ms
    least, most = expected_ms - allowed, (most_ms or expected_ms) + allowed
    if least <= delay.likely_ms[0] and delay.likely_ms[1] <= most:
        return SHOWN
    if delay.certain_ms[1] < least or delay.certain_ms[0] > most:
        wanted = f"{expected_ms:.0f}" + (f" to {most_ms:.0f}" if most_ms else "")
        return CanaryDecision(
            "not shown", f"canaries were {delay.ms:.1f} ms slower through the link, not {wanted} ms"
        )
    return None


def ended(pairs: Sequence[CanaryPair], *ends: End) -> CanaryDecision:
    """Decide whether all canaries through the link ended in one of these ways, with the server in order."""
    if (trouble := beside(pairs)) != SHOWN:
        return trouble
    other = [pair.through for pair in pairs if pair.through.end not in ends]
    if not other:
        return SHOWN
    if all(one.waits for one in other) and not all(_longer(pair) for pair in pairs):
        return silence([pair for pair in pairs if pair.through.waits])
    return CanaryDecision(
        "not shown",
        f"{len(other)} of {len(pairs)} canaries through the link were {other[0].end}, not {' or '.join(ends)}",
    )


def lost(pairs: Sequence[CanaryPair]) -> CanaryDecision:
    """Decide whether data on the link are lost, and not only late because the server is busy."""
    if (trouble := beside(pairs)) != SHOWN:
        return trouble
    through = [pair.through for pair in pairs]
    if other := [one for one in through if one.end != "silent"]:
        return CanaryDecision(
            "not shown",
            f"{len(other)} of {len(pairs)} canaries through the link were {other[0].end}, not silent",
        )
    if all(_lost(pair) for pair in pairs):
        return SHOWN
    if all(pair.beside.end == "replied" for pair in pairs):
        return CanaryDecision("unknown", "the server is too slow to tell silence from slowness")
    return silence(pairs)


def ended_as(*ends: End) -> Judge:
    """Return `ended` with these ends, as a function of pairs alone."""
    return lambda pairs: ended(pairs, *ends)


def why_not_taken(pairs: Sequence[CanaryPair]) -> str:
    """Return why the server did not accept canaries, else "".

    A server too busy to answer has accepted them.
    """
    replies = answered(pairs)
    return "" if replies.word == "unknown" else replies.why


def knocked_slower(
    knocks: Sequence[Knock], expected_ms: float, most_ms: float | None = None, spread_ms: float = 0.0
) -> CanaryDecision:
    """Decide by knocks, without the server, whether data upstream were held back for that long."""
    if not knocks or any(one.end != "closed" or one.early for one in knocks):
        return CanaryDecision("unknown", "connections through the link did not end as they should")
    ms = median(one.lasted_ms for one in knocks)
    return _between(LinkDelay(ms, (ms, ms), (ms, ms), held=True), expected_ms, most_ms, spread_ms) or SHOWN


def knocked_as(knocks: Sequence[Knock], end: End) -> CanaryDecision:
    """Decide by knocks, without the server, whether connections through the link ended in that way."""
    if not knocks or any(one.early for one in knocks):
        return CanaryDecision("unknown", "nothing listens behind the link")
    other = [one.end for one in knocks if one.end != end]
    if not other:
        return SHOWN
    word: Word = "unknown" if other[0] == "silent" else "not shown"
    return CanaryDecision(
        word, f"{len(other)} of {len(knocks)} connections through the link were {other[0]}, not {end}"
    )


def knocked_clean(knocks: Sequence[Knock]) -> CanaryDecision:
    """Decide by knocks whether the link passes data upstream at once.

    The quickest knock counts: a slow machine may delay some, but nothing makes a slow link fast.
    """
    if not knocks:
        return CanaryDecision("unknown", "no connection was tried")
    bad = [one for one in knocks if one.end in {"refused", "reset"}]
    if 2 * len(bad) > len(knocks):
        return CanaryDecision("not shown", f"connections through the link were {bad[0].end}")
    if all(one.early for one in knocks):
        return CanaryDecision(
            "target", "connections through the link are closed at once: nothing listens behind it"
        )
    quick = [one.lasted_ms for one in knocks if one.end == "closed" and not one.early]
    if quick and min(quick) <= NOISE_MS:
        return SHOWN
    if len(quick) == len(knocks):
        return CanaryDecision("unknown", f"connections through the link took {min(quick):.0f} ms to end")
    return CanaryDecision("unknown", "connections through the link did not end")


def _lost(pair: CanaryPair) -> bool:
    """Whether the canary's data were lost, by the kernel's view; else whether `_longer` holds."""
    one, far = pair.through, pair.through.far
    if far is not None and one.lasted_ms > STUCK_MS:
        nothing_sent = one.accepted and not far.bytes_out
        return nothing_sent or _stuck_ms(one) > 0
    return _longer(pair)


def _longer(pair: CanaryPair) -> bool:
    """Whether the canary through the link waited more than `TIMES` as long as the one beside it took."""
    return pair.beside.end == "replied" and pair.beside.lasted_ms * TIMES < pair.through.lasted_ms


def _stuck_ms(one: Canary) -> float:
    """Return for how many ms data sent by the server have not come through.

    0 when they have, or it is unknown.
    """
    if one.end != "silent" or one.far is None or one.far.quiet_ms is None or one.bytes_in >= one.far.bytes_in:
        return 0.0
    return one.far.quiet_ms if one.far.quiet_ms > STUCK_MS else 0.0


def _varies(pairs: Sequence[CanaryPair], delay: LinkDelay) -> CanaryDecision:
    """Return the decision "unknown", with the reason."""
    both = differences_ms(pairs)
    spread_ms = max(both) - min(both) if both else 0.0
    if delay.held or spread_ms < NOISE_MS:
        return CanaryDecision("unknown", "too few canaries were answered to tell")
    return CanaryDecision("unknown", f"the server's own answers vary by {spread_ms:.0f} ms")
