"""A target of several processes: what its balancer has counted, as metadata.json holds it."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from harness.run_directory.results import Relayed


def measure(counted: Any) -> Relayed | UnsetType:
    """The value of `relayed` in the summary; it is not there where the target is one process."""
    try:
        return UNSET if counted is None else msgspec.convert(counted, Relayed)
    except msgspec.ValidationError:  # of a run directory that somebody has edited
        return UNSET
