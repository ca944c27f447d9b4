"""One finding of the doctor: the thing that was checked, what was found, its purpose, how to get it.

good      there, and works
warning   there, or not needed, but a run may suffer from it
optional  not there; something else serves, or one feature is missing
missing   not there, and `harness ramp` cannot run without it
"""

import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "optional", "missing"]

ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One line of the examination."""

    name: str
    state: State
    found: str
    purpose: str = ""  # what it is for; shown when it is not good
    todo: str = ""  # the command that gets it


def pip_install(package: str) -> str:
    """Return the command that installs a package into the Python that runs now."""
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(package)}"


def says(*argv: str) -> str:
    """Run a program; return the first line of its output, "" when it fails."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=ASK_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return next(iter(done.stdout.strip().splitlines()), "") if done.returncode == 0 else ""
