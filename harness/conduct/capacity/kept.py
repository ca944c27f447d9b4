"""The directory of one experiment: DIR/<command>/<UTC time>-<short id>/, for its owner alone; `latest` beside it is the newest."""

import csv
import io
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.conduct.capacity.growth import Reading
from harness.foundation.errors import UsageError
from harness.foundation.secrets.hiding import hide_in
from harness.foundation.untrusted.printable import as_json
from harness.run_directory.directory import write_whole


def create(root: Path, command: str, started_at: datetime) -> Path:
    """A new one."""
    path = root.absolute() / command / f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    try:
        path.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"Cannot write to {root}",
            f"{error.strerror}: {error.filename}",
            "Give a writable directory with --out",
        ) from error
    return path


def write(place: Path, result: Mapping[str, Any], readings: Mapping[str, Sequence[Reading]]) -> None:
    """The result, and what it was found from."""
    write_whole(place / "result.json", as_json(hide_in(dict(result)), indent=2) + "\n")
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("of", "at_s", "sessions", "value"))
    for name, series in readings.items():
        rows.writerows((name, f"{one.at_s:.3f}", one.sessions, f"{one.value:g}") for one in series)
    write_whole(place / "readings.csv", table.getvalue())
    link = place.parent / f".latest-{place.name}"
    link.symlink_to(place.name)
    os.replace(link, place.parent / "latest")  # noqa: PTH105 - Path.replace would follow the old link
