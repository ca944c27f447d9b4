"""npm's packages for tests: installed once for a user and a version, shared by all workers of all runs."""

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests import getting

INSTALL_S = 150


def installed(package: str) -> Path:
    """The folder of a package (`@scope/name@version`); the test is skipped, with the reason, where npm cannot get it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mcp-harness-tests" / "npm"
    place = cache / package.replace("/", "+")
    found = place / "node_modules" / package.rpartition("@")[0]
    place.mkdir(parents=True, exist_ok=True)
    done = place / "installed"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the workers of a test run want it at the same time
        if not done.exists():
            _install(package, place)
            done.touch()
    return found


def _install(package: str, place: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(place)]
    try:
        run = subprocess.run(
            [getting.node_program("npm"), "install", *options, package],
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(getting.npm(error))
    if run.returncode:
        pytest.skip(getting.npm_package(package, run.stderr))
