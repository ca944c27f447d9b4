"""Records as rows, and rows as records: one table for each kind of value in a RunRecord. Pure.

The columns of a table are the fields of its struct, `times` spread out into its percentiles.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from harness.history.comparison.measured import ErrorKind, Value
from harness.history.record import (
    CheckRecord,
    FaultRecord,
    HistogramRecord,
    MatrixRecord,
    ObjectiveRecord,
    OperationRecord,
    RunRecord,
    Series,
    StepRecord,
    Times,
)

QUANTILES: Final = Times.__struct_fields__


@dataclass(frozen=True, slots=True)
class Table:
    """A table of values of one kind, several for each run."""

    name: str
    field: str  # of RunRecord
    kind: type[Struct]

    @property
    def columns(self) -> tuple[str, ...]:
        """Without `run`."""
        return spread(self.kind.__struct_fields__)

    def rows(self, run: int, record: RunRecord) -> Iterable[tuple[Any, ...]]:
        """The rows of one run."""
        for value in getattr(record, self.field):
            yield run, *values(value, self.kind.__struct_fields__)

    def value(self, row: Sequence[Any]) -> Any:
        """The struct of a row, whose columns are in the order of `columns`."""
        return self.kind(**gathered(dict(zip(self.columns, row, strict=True))))


TABLES: Final = (
    Table("steps", "steps", StepRecord),
    Table("operations", "operations", OperationRecord),
    Table("faults", "faults", FaultRecord),
    Table("objectives", "objectives", ObjectiveRecord),
    Table("failures", "failures", ErrorKind),
    Table("figures", "figures", Value),
    Table("matrix_rows", "matrix", MatrixRecord),
    Table("verify_results", "checks", CheckRecord),
    Table("histograms", "histograms", HistogramRecord),
)
OF_A_RUN: Final = tuple(
    name
    for name in RunRecord.__struct_fields__
    if name not in {"series", "tags", *(table.field for table in TABLES)}
)
SERIES: Final = Series.__struct_fields__


def spread(fields: Iterable[str]) -> tuple[str, ...]:
    """The columns of these fields."""
    return tuple(column for name in fields for column in (QUANTILES if name == "times" else (name,)))


RUN_COLUMNS: Final = spread(OF_A_RUN)


def values(value: Struct, fields: Iterable[str]) -> list[Any]:
    """The cells of a struct, in the order of `spread(fields)`."""
    cells: list[Any] = []
    for name in fields:
        cell = getattr(value, name)
        if name == "times":
            cells += [getattr(cell, quantile) for quantile in QUANTILES]
        else:
            cells.append(_cell(name, cell))
    return cells


def run_row(number: int, series: int, record: RunRecord) -> tuple[Any, ...]:
    """The row of a run: its number, its series, then RUN_COLUMNS."""
    return number, series, *values(record, OF_A_RUN)


def run_of(row: Any, parts: Mapping[str, Any]) -> RunRecord:
    """The record of a row that has RUN_COLUMNS and SERIES, and of what belongs to it."""
    cells = gathered({name: row[name] for name in RUN_COLUMNS})
    cells["started_at"] = cells["started_at"].astimezone(UTC).isoformat()
    cells["versions"] = json.loads(cells["versions"])
    cells["reasons"], cells["noise"] = tuple(cells["reasons"]), tuple(cells["noise"])
    return RunRecord(series=Series(**{name: row[name] for name in SERIES}), **cells, **parts)


def gathered(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Cells by field: the percentiles gathered into `times`."""
    if "p50" not in cells:
        return dict(cells)
    others = {name: value for name, value in cells.items() if name not in QUANTILES}
    return others | {"times": Times(**{name: cells[name] for name in QUANTILES})}


def _cell(name: str, value: Any) -> Any:
    """As PostgreSQL wants it: it knows no NUL in texts, times with a zone, and JSON."""
    if name == "started_at":
        return datetime.fromisoformat(value).astimezone(UTC)
    if name == "versions":
        return json.dumps(value).replace("\\u0000", "")
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, tuple):
        return [storable(each) for each in value]
    return value


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store: NUL, and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()
