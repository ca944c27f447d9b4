"""Waiting for a deployment that is coming up: until it answers as a server that is there does."""

from typing import Final

from harness.client.preflight import NOT_THERE
from harness.foundation.clock import Clock
from harness.foundation.units import NS_PER_S
from harness.mcp.dialects.handshake import HANDSHAKE_VERSIONS, HandshakeSession
from harness.verify.target import Target

COMING_UP: Final = frozenset({502, 503, 504})  # a proxy, before what stands behind it
FIRST_S, APART_MOST_S = 0.25, 2.0


async def until_up(target: Target, within_s: float, clock: Clock) -> bool:
    """Whether the deployment comes up in time; if not, the checks say what is wrong."""
    ends_ns, wait_s = clock.now_ns() + int(within_s * NS_PER_S), FIRST_S
    while True:
        reply = await target.attempt(next(HandshakeSession(HANDSHAKE_VERSIONS[0]).opening()))
        if reply.status not in COMING_UP and (reply.outcome not in NOT_THERE or reply.status is not None):
            return True
        left_s = (ends_ns - clock.now_ns()) / NS_PER_S
        if left_s <= 0:
            return False
        await clock.sleep(min(wait_s, left_s))
        wait_s = min(2 * wait_s, APART_MOST_S)
