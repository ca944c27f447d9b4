"""Rolling restart, a deploy without a gap: the processes of the target are replaced one after the other.

    target     drained | stopped, started, ready | serves
    target-2   serves                            | drained | stopped, started, ready | serves

A process that is drained gets nothing new, and ends what it has begun, for `drain` at most; then it is asked to stop. What has
no end of its own, such as a WebSocket, ends with it. Sessions that a process kept to itself are lost with it. The fault lasts from the first signal until the last process serves again; `for` may hold the window open for longer. The
target runs as two processes when this is planned, or as many as `target.processes` says.
"""

from harness.faults.kinds.deploy import Deploy
from harness.services.fault_sites.balanced import BalancedTarget


class RollingRestart(Deploy):
    """The fault that replaces the processes of the target one after the other."""

    async def replace(self, target: BalancedTarget, drain_s: float) -> None:
        await target.roll(drain_s)
