"""Faults, one a file: how each is applied, how it shows, how it is healed. `REGISTRY` is the list of them."""

from collections.abc import Callable, Mapping
from typing import Any

from harness.faults.kinds import (
    bandwidth,
    blue_green,
    down,
    kill,
    latency,
    limit_data,
    noop,
    pause,
    reset_peer,
    restart,
    rolling_restart,
    rude,
    slicer,
    slow_close,
    timeout,
)
from harness.faults.kinds.fault import Fault

# The first argument is the fault site: a Link, a process, or a ServerSite; the catalogue says which fits
# which kind.
Making = Callable[[Any, str, Mapping[str, float | str]], Fault]

# One line for each kind, with the names of `catalogue.FAULTS`; a test compares the two.
REGISTRY: dict[str, Making] = {
    "noop": noop.Noop,
    "latency": latency.latency,
    "bandwidth": bandwidth.bandwidth,
    "down": down.Down,
    "timeout": timeout.timeout,
    "reset_peer": reset_peer.reset_peer,
    "slow_close": slow_close.slow_close,
    "slicer": slicer.slicer,
    "limit_data": limit_data.limit_data,
    "rude": rude.Rude,
    "kill": kill.Kill,
    "pause": pause.Pause,
    "restart": restart.Restart,
    "rolling_restart": rolling_restart.rolling_restart,
    "blue_green": blue_green.blue_green,
}
