"""Capacity: the highest throughput that was measured, and the users it was measured at.

Definition: among the levels of closed load, the one with the most ok calls a second. No curve is fitted, so
`model` and `interval` are None and nothing is said about levels that were not run; `capacity_reason` tells
whether the peak lies inside what was measured.
"""

from collections.abc import Mapping, Sequence
from typing import Any

NOT_FITTED = "no curve is fitted; this is the highest throughput measured"


def measure(steps: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any] | None, str]:
    """`capacity` and `capacity_reason` from the rows of `steps`."""
    levels = [step for step in steps if step["users"] and step["throughput_rps"]]
    if len({step["users"] for step in levels}) < 2:
        return None, "needs at least two levels of load with answered calls"
    peak = max(levels, key=lambda step: step["throughput_rps"])
    capacity = {
        "model": None,
        "peak_users": peak["users"],
        "peak_rps": peak["throughput_rps"],
        "interval": None,
    }
    if peak["users"] == max(step["users"] for step in levels):
        return capacity, f"{NOT_FITTED}, at the highest level run: the true peak may lie beyond it"
    return capacity, NOT_FITTED
