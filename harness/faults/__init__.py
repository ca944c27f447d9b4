"""Faults, one a file: how each is applied, how it shows, how it is healed. `REGISTRY` is the list of them."""

from collections.abc import Callable, Mapping

from harness.faults import down, latency, noop
from harness.faults.fault import Fault
from harness.services.links import Link

Making = Callable[[Link, str, Mapping[str, float | str]], Fault]

# One line a kind, the names of `catalogue.FAULTS`; a test holds the two together.
REGISTRY: dict[str, Making] = {
    "noop": noop.Noop,
    "latency": latency.Latency,
    "down": down.Down,
}
