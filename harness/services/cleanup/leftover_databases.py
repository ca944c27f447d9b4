"""Drop a schema or a database that a verification made for a trial in somebody's PostgreSQL; the standard library is enough.

    {"what": "database", "drop": "schema", "name": "verify_migrate_0a1b2c3d4e5f", "told": "..."}

Its address holds a password and is in no file: it stands in a variable of the environment (`DSN`), which the janitor inherits. What speaks to PostgreSQL
is a program of its own (`harness.services.backends.dropping`). Only names that a verification makes up are dropped.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from harness.services.processes.proctable import MARK

DATABASE: Final = "database"
DSN: Final = "HARNESS_VERIFY_DSN"
DROP_S: Final = 40.0
NAME: Final = re.compile(r"verify_[a-z]+_[0-9a-f]{12}")


def undo_database(data: Mapping[str, Any]) -> str | None:
    """Drop it; return the problem, or None when it is not there any more."""
    kind, name = str(data["drop"]), str(data["name"])
    by_hand = f"drop it by hand: DROP {kind.upper()} {name}"
    if kind not in {"schema", "database"} or not NAME.fullmatch(name):
        return "that is nothing that a verification makes"
    if not os.environ.get(DSN):
        return f"{by_hand}, in {data['told']}"
    environ = {key: value for key, value in os.environ.items() if key != MARK}
    argv = [sys.executable, "-P", "-m", "harness.services.backends.dropping", kind, name]
    try:
        done = subprocess.run(
            argv, env=environ, capture_output=True, text=True, timeout=DROP_S, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}; {by_hand}"
    return None if done.returncode == 0 else f"{done.stderr.strip()[-200:]}; {by_hand}"
