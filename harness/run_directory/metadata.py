"""metadata.json: the run, its machine and its versions. Written before anything starts.

Two runs are of one machine when `same_machine` of both is equal: host, processor, cores, and the name of the system. Its
kernel is no part of that: an update would end every series, and a comparison across one is what somebody wants to see. A
comparison says that it differs.
"""

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from harness import __version__
from harness.run_directory.results import Relayed

METADATA_SCHEMA = 1


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How often tokens were asked for, and how long that took."""

    source: str
    tokens: int
    failed: int
    refused: int
    took_ms_mean: float | None
    took_ms_max: float | None
    lives_s: float | None


class SessionProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Processor time and memory of the processes of sessions over stdio."""

    seen: int
    cpu_s_median: float
    cpu_s_max: float
    rss_mb_median: float
    rss_mb_max: float


class ProcessorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Steal time and clock of the machine's processors over the run; None: unknown."""

    steal_share: float | None
    clock_mhz_low: int | None
    clock_mhz_high: int | None


class NamedServer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server calls itself."""

    name: str | None
    version: str | None


class TargetFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The server under test, and the route to it. A field that is UNSET is left out of the file."""

    url: str
    transport: str
    protocol: str
    server: NamedServer | None
    managed: bool
    auth: TokenFacts | msgspec.UnsetType = msgspec.UNSET
    insecure: bool | msgspec.UnsetType = msgspec.UNSET
    proxy: str | msgspec.UnsetType = msgspec.UNSET
    cpu_max: float | None
    cpu_s: float | None
    rss_max_mb: float | None
    processes: SessionProcessFacts | msgspec.UnsetType | None = msgspec.UNSET
    relayed: Relayed | msgspec.UnsetType = msgspec.UNSET


_PACKAGES = ("locust", "gevent", "httptools", "msgspec", "mcp", "pandas", "numpy")


@cache
def machine() -> Mapping[str, str | int | None]:
    """The machine's properties that a comparison needs."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "platform": platform.platform(),
        "host": platform.node(),
    }


def same_machine(machine_facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what tells machines apart, of what `machine` said: all but the release of the kernel and of the C library."""
    return {**machine_facts, "platform": str(machine_facts.get("platform") or "").partition("-")[0]}


def system(metadata: Mapping[str, Any]) -> str:
    """The system and its release that a run was made on; empty when nobody knows."""
    machine_facts = metadata.get("machine")
    return str(machine_facts.get("platform") or "") if isinstance(machine_facts, Mapping) else ""


@cache
def versions() -> dict[str, str]:
    """The versions of everything that can change a number."""
    by_name = {"mcp-harness": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            by_name[name] = version(name)
        except PackageNotFoundError:
            continue
    return by_name


def _cpu_model(path: Path = Path("/proc/cpuinfo")) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
