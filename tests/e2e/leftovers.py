"""What a run left behind: processes by the mark in their environment, temporary directories."""

import os
import time
from pathlib import Path


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
            found[int(place.name)] = (place / "cmdline").read_text().replace("\0", " ")[:80]
    return found


def assert_nothing_left(run: Path, tmp_path: Path, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and (processes_of(run, tmp_path) or list((tmp_path / "tmp").iterdir())):
        time.sleep(0.05)
    assert processes_of(run, tmp_path) == {}
    assert list((tmp_path / "tmp").iterdir()) == []
