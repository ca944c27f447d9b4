"""Blue-green deploy: as many new processes are started beside the old ones; then all new requests go to the new ones.

    blue    serves                 | drained, stopped
    green   started, ready         | serves

The old ones end what they have begun, for `drain` at most; then they are asked to stop. For a while twice as many processes use the database. The new ones listen on other ports, so a command of yours needs `{port}`.
The fault lasts from the first start until the last old process has ended; `for` may hold the window open for longer.
"""

from harness.faults.kinds.deploy import Deploy
from harness.services.fault_sites.balanced import BalancedTarget


class BlueGreen(Deploy):
    """The fault that replaces all processes of the target at once."""

    async def replace(self, target: BalancedTarget, drain_s: float) -> None:
        await target.switch(drain_s)
