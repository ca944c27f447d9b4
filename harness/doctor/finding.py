"""One finding of the doctor: what was looked at, what was found, what it is for, how to get it.

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
    """The command that gets a package into the Python that runs now."""
    return f"{shlex.quote(sys.executable)} -m pip install {shlex.quote(package)}"


def says(*argv: str) -> str:
    """The first line that a program writes about itself; nothing when it does not run."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=ASK_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return next(iter(done.stdout.strip().splitlines()), "") if done.returncode == 0 else ""
