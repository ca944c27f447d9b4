"""Slow close: a connection that one side has closed stays open on the other for a while.

Only calls that open and end a connection feel it; those that share open ones do not. Users that keep theirs do not
meet it: `--calls-per-connection 20` lets them come and go. Behind the target nobody is known to meet it, since what
connections the target opens and ends there is not seen; one that keeps a pool ends none.
"""

from collections.abc import Mapping
from statistics import median

from harness.faults.canary.decision import beside, knocked_slower
from harness.faults.canary.evidence import NOISE_MS, SHOWN, TOLERANCE, Ask, Canaries, VerificationResult
from harness.faults.kinds.fault import Fault, Toxics, on_streams
from harness.foundation.units import MS_PER_S
from harness.services.fault_sites.links import Link

COUNT = 3
CLOSED_S = 5.0


def slow_close(link: Link, name: str, parameters: Mapping[str, float | str]) -> Fault:
    """Return the fault that delays the closing of connections."""
    delay_ms = round(float(parameters["delay"]) * MS_PER_S)
    toxics = on_streams(name, "slow_close", "downstream", delay=delay_ms)
    limit_s = delay_ms / MS_PER_S + CLOSED_S

    async def shows(canaries: Canaries, within_s: float) -> VerificationResult:
        del within_s  # it is known how long it takes
        if knocks := await canaries.knocks(COUNT, 1, limit_s):
            why = knocked_slower(knocks, float(delay_ms)).why
            return VerificationResult([], why.replace("canaries were", "connections were closed"), 0.0)
        pairs = await canaries.pairs(COUNT, Ask(fresh=True, until_closed=True, limit_s=limit_s))
        if (trouble := beside(pairs)) != SHOWN:
            return VerificationResult(pairs, trouble.why)
        longer = [
            pair.through.closing_ms - pair.beside.closing_ms
            for pair in pairs
            if pair.through.closing_ms is not None and pair.beside.closing_ms is not None
        ]
        if len(longer) < len(pairs):
            return VerificationResult(pairs, "too few connections were closed to tell")
        added_ms = median(longer)
        if abs(added_ms - delay_ms) > max(delay_ms * TOLERANCE, NOISE_MS):
            return VerificationResult(
                pairs, f"connections took {added_ms:.1f} ms longer to close, not {delay_ms} ms"
            )
        return VerificationResult(pairs, "", 0.0)  # replies are as fast as ever

    return Toxics(link, toxics, shows)
