"""checksums.json: checksums of the run's files from when it ended, so that a later change is seen.

    {"schema": 1, "sha256": {"samples.parquet": "9f86d0...", "events.jsonl": "..."}}

Written once, after the samples are sealed. It guards against damage and careless edits, not against somebody
who also writes new checksums. A run that was cut off has no such file; neither has a run of an older version.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from harness.foundation.untrusted import nesting
from harness.run_directory.directory import write_whole

NAME: Final = "checksums.json"
GUARDED: Final = (
    "samples.parquet",
    "events.jsonl",
    "plan.json",
    "metadata.json",
    "scenario.yaml",
    "work.jsonl",
)


def write(run_dir: Path) -> None:
    """Write the checksum of every guarded file that exists."""
    sums = {name: digest(run_dir / name) for name in GUARDED if (run_dir / name).exists()}
    write_whole(run_dir / NAME, json.dumps({"schema": 1, "sha256": sums}, indent=2) + "\n")


def differing(run_dir: Path) -> Iterator[str]:
    """A sentence for each file that is not what it was."""
    path = run_dir / NAME
    if not path.exists():
        return
    try:
        recorded: Any = nesting.of_file(path)["sha256"]
        sums = {str(name): str(digest) for name, digest in recorded.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        yield f"{NAME} cannot be read"
        return
    for name in GUARDED:
        there = (run_dir / name).is_file()
        if name in sums and not there:
            yield f"{name} is gone"
        elif there and name not in sums:
            yield f"{name} was not there when the run ended"
        elif there and sums[name] != digest(run_dir / name):
            yield f"{name} was changed after the run ended"


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
