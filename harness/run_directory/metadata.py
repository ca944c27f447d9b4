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

from harness import __version__

METADATA_SCHEMA = 1
_PACKAGES = ("locust", "gevent", "httptools", "msgspec", "mcp", "pandas", "numpy")


@cache
def machine() -> dict[str, Any]:
    """The machine's properties that a comparison needs."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "platform": platform.platform(),
        "host": platform.node(),
    }


def same_machine(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells machines apart, of what `machine` said: all but the release of the kernel and of the C library."""
    return {**told, "platform": str(told.get("platform") or "").partition("-")[0]}


def system(metadata: Mapping[str, Any]) -> str:
    """The system and its release that a run was made on; empty when nobody knows."""
    told = metadata.get("machine")
    return str(told.get("platform") or "") if isinstance(told, Mapping) else ""


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
