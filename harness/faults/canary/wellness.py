"""Whether a fault site is healthy: checked before a fault is applied, and after it was healed.

A link is healthy when nothing is on it (read back), when it passes data upstream at once (knocks), and when
canaries are as fast through it as beside it. A process has to accept canaries, however long an answer takes.
"""

from harness.faults.canary.decision import answered, knocked_clean, without_effect
from harness.faults.canary.evidence import Canaries, CanaryDecision
from harness.foundation.errors import HarnessError
from harness.services.fault_sites.links import Link

PAIRS, KNOCKS = 3, 3
KNOCK_S = 1.0


async def of_link(link: Link, canaries: Canaries, within_s: float) -> CanaryDecision:
    """Return the first problem that is certain, else what canaries show."""
    try:
        if touched := await link.touched():
            return CanaryDecision("not shown", touched)
    except HarnessError as error:
        return CanaryDecision("not shown", f"{error.what}: {error.why}")
    knocked = knocked_clean(await canaries.knocks(KNOCKS, 1, KNOCK_S))
    if knocked.word in {"not shown", "target"}:
        return knocked
    return without_effect(await canaries.until(without_effect, within_s, least=PAIRS))


async def of_process(canaries: Canaries, within_s: float) -> CanaryDecision:
    """Decide whether the process answers canaries."""
    return answered(await canaries.until(answered, within_s, least=PAIRS))
