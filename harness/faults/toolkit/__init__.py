"""Chaos Toolkit actions and probes over the harness's own faults, for experiments like those in chaos/.

    provider: {type: python, module: harness.faults.toolkit, func: apply, arguments: {fault: "latency:latency=200ms"}}

They talk to a run of the harness that makes load meanwhile: `harness chaos FILE`, or the run that the control
(harness.faults.toolkit.control) starts when the file is given to `chaos run`. So a fault is written ahead,
verified by canaries, drawn on the charts and healed whatever happens, like every other.
Unlike most actions, these raise an error when they had no effect.
"""

from collections.abc import Mapping
from typing import Any

from harness.faults.toolkit.line import ask

__all__ = ["apply", "heal", "response_ms", "success_rate", "throughput"]


def apply(fault: str) -> Mapping[str, Any]:
    """Apply a fault, `KIND:key=value,...` as --fault has it, without times; it stays until `heal`.

    Fails when the fault could not be applied, or canaries did not show it.
    """
    return ask("apply", fault=fault)


def heal(name: str) -> Mapping[str, Any]:
    """Heal the fault of that name, and prove it; nothing to do when it is not there."""
    return ask("heal", name=name)


def success_rate(last: str = "5s") -> float:
    """The share of calls that succeeded among those that ended in the last seconds."""
    return float(ask("measure", last=last)["success_rate"])


def response_ms(percentile: str = "p95", last: str = "5s") -> float:
    """A percentile (p50, p90, p95, p99) of the response times of the calls that succeeded in the last seconds."""
    return float(ask("measure", last=last)[percentile])


def throughput(last: str = "5s") -> float:
    """Calls that succeeded, a second."""
    return float(ask("measure", last=last)["throughput"])
