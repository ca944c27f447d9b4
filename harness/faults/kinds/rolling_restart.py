"""Rolling restart, a deploy without a gap: the processes of the target are replaced one after the other.

    target     drained | stopped, started, ready | serves
    target-2   serves                            | drained | stopped, started, ready | serves

A process that is drained gets nothing new, and ends what it has begun, for `drain` at most; then it is asked to stop. What
has no end of its own, such as a WebSocket, ends with it. Sessions that a process kept to itself are lost with it. The fault
lasts from the first signal until the last process serves again; `for` may hold the window open for longer. The target runs as
two processes when this is planned, or as many as `target.processes` says.
"""

from collections.abc import Mapping

from harness.faults.kinds.deploy import DRAIN_S, Deploy
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.fault_sites.own_process import OwnProcess


def rolling_restart(part: OwnProcess, name: str, parameters: Mapping[str, float | str]) -> Deploy:
    """Return the fault that replaces the processes of the target one after the other."""
    del name
    return Deploy(part, float(parameters.get("drain", DRAIN_S)), BalancedTarget.roll)
