"""Properties of a client beyond its dialect: its capabilities, and what it has learnt of the tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.mcp.mirrored import Mirrored


@dataclass(frozen=True, slots=True)
class Traits:
    """The client's capabilities and mirrored arguments; the same for every session of a run."""

    capabilities: Mapping[str, Any] = field(default_factory=dict)  # declared to the server
    mirrored: Mapping[str, Mirrored] = field(default_factory=dict)  # by tool; 2026-07-28 only
    introduces: bool = (
        False  # 2026-07-28: asks who the server is before anything else (its process has just begun)
    )


NO_TRAITS = Traits()
