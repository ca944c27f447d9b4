"""Run a command of the user's that puts right what another one has done, such as workers that were stopped; the standard library is enough.

    {"what": "command", "variable": "HARNESS_VERIFY_RESUME", "told": "tasks.resume of verify.yaml"}

The command itself stands in a variable of the environment, which the janitor inherits: nothing that is found in a file is run. Whoever comes later
(`harness doctor --clean`) has no such variable, and says what is to be done.
"""

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from harness.services.processes.proctable import MARK

COMMAND = "command"
COMMAND_S = 120.0
PREFIX = "HARNESS_VERIFY_"


def undo_command(data: Mapping[str, Any]) -> str | None:
    """Run it; return the problem, or None when it ended well."""
    variable, told = str(data["variable"]), data["told"]
    command = os.environ.get(variable) if variable.startswith(PREFIX) else None
    if not command:
        return f"run it by hand: {told}"
    # What it starts is the user's: no part of ours that would be ended, and not with the janitor's own path.
    left_out = {MARK, variable, "PYTHONPATH"}
    environ = {name: value for name, value in os.environ.items() if name not in left_out}
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            start_new_session=True,
            timeout=COMMAND_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}; run it by hand: {told}"
    return None if done.returncode == 0 else f"exit code {done.returncode}; run it by hand: {told}"
