"""The directory of one experiment: DIR/<command>/<UTC time>-<short id>/, for its owner alone; `latest` beside it is the newest."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.conduct.capacity.growth import Reading
from harness.foundation.secrets.hiding import hide_in
from harness.foundation.untrusted.printable import as_json
from harness.run_directory.directory import point_latest, write_whole


def write(place: Path, result: Mapping[str, Any], readings: Mapping[str, Sequence[Reading]]) -> None:
    """The result, and what it was found from."""
    write_whole(place / "result.json", as_json(hide_in(dict(result)), indent=2) + "\n")
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("of", "at_s", "sessions", "value"))
    for name, series in readings.items():
        rows.writerows((name, f"{one.at_s:.3f}", one.sessions, f"{one.value:g}") for one in series)
    write_whole(place / "readings.csv", table.getvalue())
    point_latest(place)
