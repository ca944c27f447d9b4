"""Reads the files of feeders before anything starts: within bounds, with every column that templates look at, and with rows enough."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.load.feeders import Row, read_rows
from harness.mcp.json_path import MISSING, read_path
from harness.scenario.arguments import names_in
from harness.scenario.data_names import calls_of, needed_once
from harness.scenario.model import Scenario


def first_rows(scenario: Scenario) -> dict[str, Row]:
    """Check all files; return the first row of each."""
    rows = {name: read_rows(name, asdict(feeder)) for name, feeder in scenario.data.items()}
    for name, feeder in scenario.data.items():
        needed = needed_once(scenario) if feeder.order == "once" else None
        if needed is not None and needed > len(rows[name]):
            raise UsageError(
                f"data.{name} has {len(rows[name]):,} rows, and the load makes {needed:,} calls",
                "With order: once no row is given twice",
                "Give more rows, or make fewer calls; order: in_order begins again at the end",
            )
    first = {name: each[0] for name, each in rows.items()}
    for call in calls_of(scenario):
        for name, path in names_in([call.args, call.read or ""]):
            if name in first:
                _check_column(name, path, first)
    return first


def _check_column(name: str, path: str, first: Mapping[str, Any]) -> None:
    if read_path(f"${path}").find(first[name]) is MISSING:
        raise UsageError(
            f"{{{{{name}{path}}}}}: there is nothing like that in the first row of data.{name}",
            f"Its columns are {short(', '.join(first[name]), 300)}",
            "Correct the template, or the file",
        )
