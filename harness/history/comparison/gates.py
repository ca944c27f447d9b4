"""The gates: how large a change must be to matter, and on which scale it is shown.

Positive figures are compared by ratio (on logarithms); shares, recoveries and lost sessions, which may be zero, by
difference. A gate has two parts: a change matters when it is larger than both.

The gate of latency has an absolute part of 0.2 ms: a tool that answers in 3 ms and takes half as long again is slower,
whatever a terminal's user would notice.
"""

import math
from typing import Final

from msgspec import Struct

from harness.foundation.errors import UsageError
from harness.foundation.units import UnitError, duration_s, said, share


class Gate(Struct, frozen=True):
    """A change matters when it is larger than this share of the figure, and larger than this in the figure's unit."""

    relative: float
    absolute: float = 0.0


class Gates(Struct, frozen=True, kw_only=True):
    """The gates by what they are of."""

    latency: Gate = Gate(0.05, 0.2)
    throughput: Gate = Gate(0.03)
    success: Gate = Gate(0.0, 0.005)
    level: Gate = Gate(0.1)
    recovery: Gate = Gate(0.25, 2.0)
    memory: Gate = Gate(0.1, 5.0)
    sessions: Gate = Gate(0.0, 1.0)
    cost: Gate = Gate(0.05)  # CPU time a call


_BY_UNIT: Final = {
    "ms": "latency",
    "per_s": "throughput",
    "share": "success",
    "s": "recovery",
    "mb": "memory",
}
_BY_NAME: Final = {
    "breaking point": "level",
    "capacity": "level",
    "found capacity": "level",
    "sessions lost": "sessions",
    "CPU a call": "cost",
}
_DIFFERENCES: Final = frozenset({"success", "recovery", "sessions"})


def gate_name(name: str, unit: str) -> str:
    """Which gate a figure has."""
    return _BY_NAME.get(name) or _BY_UNIT[unit]


def by_ratio(name: str, unit: str) -> bool:
    """Whether the figure is compared by ratio; else by difference."""
    return gate_name(name, unit) not in _DIFFERENCES


def size(gates: Gates, name: str, unit: str, level: float) -> float:
    """The gate on the figure's scale, where the figure is at this level: a logarithm of a ratio, or a difference."""
    gate: Gate = getattr(gates, gate_name(name, unit))
    if not by_ratio(name, unit):
        return max(gate.absolute, gate.relative * abs(level))
    return max(math.log1p(gate.relative), math.log1p(gate.absolute / level))


def parsed(option: str, text: str, default: Gate) -> Gate:
    """The gate that an option gives: `5%`, `2ms`, or `5%,2ms`; success in points: `0.5%`."""
    relative, absolute = default.relative, default.absolute
    try:
        for part in filter(None, (one.strip() for one in text.split(","))):
            if option == "success":
                absolute = share(part)
            elif part.endswith("%"):
                relative = share(part)
            else:
                absolute = duration_s(part) * 1000
    except UnitError as error:
        raise UsageError(
            f"--gate-{option} {said(text)} cannot be read", str(error), f"For example --gate-{option} 5%"
        ) from error
    return Gate(relative, absolute)
