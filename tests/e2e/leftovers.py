"""What a run left behind: processes by the mark in their environment, temporary directories."""

import os
from pathlib import Path

from tests import waiting


def processes_of(run: Path, tmp_path: Path) -> dict[int, str]:
    """Everything that runs and was started for a run: by the mark in its environment, or its temporary directory."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            text = (
                (place / "environ").read_bytes()
                + (place / "cmdline").read_bytes()
                + str((place / "cwd").readlink()).encode()
            )
        except OSError:
            continue
        if (str(run).encode() in text or str(tmp_path / "tmp").encode() in text) and int(
            place.name
        ) != os.getpid():
            found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")[:300]
    return found


def assert_nothing_left(run: Path, tmp_path: Path) -> None:
    waiting.until_nothing(lambda: [*processes_of(run, tmp_path).items(), *(tmp_path / "tmp").iterdir()])
