"""Reads the files of feeders before anything starts: within bounds, with every column that templates look at, and with rows enough."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import DocumentError, short
from harness.load.feeders import Row, filled_headers, hide_columns, read_rows
from harness.mcp.json_path import MISSING, read_path
from harness.scenario.arguments import names_in, varies
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
    for text in scenario.target.headers.values():
        for name, path in names_in(text):
            if name in first:
                _check_column(name, path, first)
                _check_credentials(name, path, rows[name])
    return first


def headers_to_ask(scenario: Scenario) -> dict[str, str]:
    """Return the headers with which the harness itself asks: those of the first rows, where users have their own."""
    headers = scenario.target.headers
    return filled_headers(headers, first_rows(scenario)) if any(map(varies, headers.values())) else headers


def own_headers(scenario: Scenario) -> dict[str, str]:
    """Return the headers in which every user has its own values, with their templates."""
    return {name: value for name, value in scenario.target.headers.items() if varies(value)}


def _check_credentials(name: str, path: str, rows: list[Row]) -> None:
    """Check that the values can stand in a header, and can be hidden: they are credentials, whatever their column is called."""
    column = path.lstrip(".")
    try:
        hide_columns(rows, [column])
    except DocumentError as error:
        raise UsageError(
            f"data.{name} has too many credentials", f"{error}", "Give 1,000 rows at most: users share them"
        ) from None
    for number, row in enumerate(rows, start=1):
        value = row.get(column, "")
        if (
            not isinstance(value, str | int)
            or not (text := str(value)).isascii()
            or not text.isprintable()
            or not text
        ):
            raise UsageError(
                f"data.{name}: row {number} cannot stand in a header",
                f"Its {short(column)} is empty, or holds a character that no header may have. It is not shown, because it may be a secret",
                "Correct the file",
            )


def _check_column(name: str, path: str, first: Mapping[str, Any]) -> None:
    if read_path(f"${path}").find(first[name]) is MISSING:
        raise UsageError(
            f"{{{{{name}{path}}}}}: there is nothing like that in the first row of data.{name}",
            f"Its columns are {short(', '.join(first[name]), 300)}",
            "Correct the template, or the file",
        )
