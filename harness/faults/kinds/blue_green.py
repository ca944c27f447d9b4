"""Blue-green deploy: as many new processes are started beside the old ones; then all new requests go to the new ones.

    blue    serves                 | drained, stopped
    green   started, ready         | serves

The old ones end what they have begun, for `drain` at most; then they are asked to stop. For a while twice as many processes use
the database. The new ones listen on other ports, so a command of yours needs `{port}`. The fault lasts from the first start
until the last old process has ended; `for` may hold the window open for longer. The target runs as two processes when this is
planned, or as many as `target.processes` says.
"""

from collections.abc import Mapping

from harness.faults.kinds.deploy import DRAIN_S, Deploy
from harness.services.fault_sites.balanced import BalancedTarget
from harness.services.fault_sites.own_process import OwnProcess


def blue_green(part: OwnProcess, name: str, parameters: Mapping[str, float | str]) -> Deploy:
    """Return the fault that replaces the processes of the target all at once."""
    del name
    return Deploy(part, float(parameters.get("drain", DRAIN_S)), BalancedTarget.switch)
