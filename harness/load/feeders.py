"""Reads the rows of a feeder: CSV, JSONL or Parquet, within bounds; an error says the line.

CSV has a head with the names of its columns; its cells are texts, but for columns that are numbers. Every line of JSONL is an object.
"""

import csv
import itertools
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.secrets.hiding import learn
from harness.foundation.secrets.sources import SECRET
from harness.foundation.untrusted.documents import DocumentError, json_value, short
from harness.mcp.json_object import JsonObject
from harness.scenario.arguments import Values, compile_arguments, varies

if TYPE_CHECKING:
    import pyarrow as pa

BYTES_MOST: Final = 20_000_000
ROWS_MOST, COLUMNS_MOST, CELL_CHARS_MOST = 200_000, 200, 100_000
SECRETS_MOST: Final = 1_000
PLAIN: Final = (str, int, float, bool, type(None))
Row = JsonObject


def read_rows(name: str, feeder: Mapping[str, Any]) -> list[Row]:
    """Return all rows; learn the values of columns with secret names. UsageError says what is wrong, and where."""
    path = Path(feeder["file"])
    try:
        rows = _bounded(path, feeder.get("numbers") or ())
    except (DocumentError, OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else short(str(error), 300)
        raise UsageError(
            f"The file of data.{name} cannot be used: {short(str(path), 120)}",
            reason[:1].upper() + reason[1:],
            "Correct it there; docs/data.md says what it may hold",
        ) from error
    return rows


def _bounded(path: Path, numbers: Any) -> list[Row]:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise DocumentError("it is not a file")
    with path.open("rb") as file:
        if len(file.read(BYTES_MOST + 1)) > BYTES_MOST:
            raise DocumentError(f"it is larger than {BYTES_MOST:,} bytes")
    rows = list(itertools.islice(_READ[path.suffix.lower()](path, numbers), ROWS_MOST + 1))
    if not rows or len(rows) > ROWS_MOST:
        raise DocumentError(f"it has more than {ROWS_MOST:,} rows" if rows else "it has no rows")
    _learn(rows)
    return rows


def _csv(path: Path, numbers: Any) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        csv.field_size_limit(CELL_CHARS_MOST)
        try:
            head = next(lines, [])
            _check_head(head, numbers)
            for cells in lines:
                if not cells:
                    continue
                if len(cells) != len(head):
                    raise DocumentError(
                        f"line {lines.line_num}: it has {len(cells)} cells, and the head {len(head)}"
                    )
                row: Row = dict(zip(head, cells, strict=True))
                for column in numbers:
                    row[column] = _number(row[column], f"line {lines.line_num}, {short(column)}")
                yield row
        except csv.Error as error:
            raise DocumentError(f"line {lines.line_num}: {error}") from None


def _check_head(head: list[str], numbers: Any) -> None:
    if not head or len(head) > COLUMNS_MOST:
        raise DocumentError(f"line 1: its head names {len(head)} columns; there are 1 to {COLUMNS_MOST}")
    if len(set(head)) < len(head):
        raise DocumentError("line 1: a column stands twice")
    for column in numbers:
        if column not in head:
            raise DocumentError(f"line 1: there is no column {short(column)}, which `numbers` names")


def _number(text: str, where: str) -> int | float:
    try:
        value = json.loads(text) if len(text) <= 30 else None
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DocumentError(f"{where}: {short(text, 40)!r} is not a number")
    return value


def _jsonl(path: Path, _numbers: Any) -> Iterator[Row]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json_value(line)
            except DocumentError as error:
                raise DocumentError(f"line {number}: {error}") from None
            except RecursionError:
                raise DocumentError(f"line {number}: it is nested too deep") from None
            if not isinstance(row, dict) or len(row) > COLUMNS_MOST:
                raise DocumentError(f"line {number}: it is not an object of at most {COLUMNS_MOST} members")
            yield row


def _parquet(path: Path, _numbers: Any) -> Iterator[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        texts = [
            field.name
            for field in parquet.read_schema(path)
            if pa.types.is_string(field.type) or pa.types.is_binary(field.type)
        ]
        file = parquet.ParquetFile(
            path, read_dictionary=texts
        )  # what is repeated stays small until it is counted
        about = file.metadata
        size = sum(about.row_group(index).total_byte_size for index in range(about.num_row_groups))
        if about.num_rows > ROWS_MOST or size > 10 * BYTES_MOST or len(file.schema_arrow) > COLUMNS_MOST:
            raise DocumentError(
                f"it has more than {ROWS_MOST:,} rows, {COLUMNS_MOST} columns or {10 * BYTES_MOST:,} bytes"
            )
        left = 10 * BYTES_MOST
        for batch in file.iter_batches(batch_size=100):
            left -= _decoded_bytes(batch)
            if left < 0:
                raise DocumentError(f"its rows have more than {10 * BYTES_MOST:,} bytes")
            for row in batch.to_pylist():
                yield {str(column): _plain(value, str(column)) for column, value in row.items()}
    except (pa.ArrowException, ValueError, OverflowError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"it is not a Parquet file that can be read: {short(str(error), 120)}") from None


def _decoded_bytes(batch: "pa.RecordBatch") -> int:
    """The size of these rows as values of their own: a file of some KB may repeat one text many times."""
    import pyarrow as pa
    import pyarrow.compute as pc

    size = 0
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary)
            size += pc.sum(pc.take(lengths, column.indices)).as_py() or 0
        else:
            size += column.nbytes
    return size


def _plain(value: Any, column: str) -> Any:
    """Return what JSON has too; times as text."""
    if isinstance(value, float) and not math.isfinite(value):
        raise DocumentError(f"the column {short(column)} has a number that JSON does not know")
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [_plain(item, column) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item, column) for key, item in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise DocumentError(f"the column {short(column)} holds {type(value).__name__}, which JSON does not know")


_READ: Final[dict[str, Callable[[Path, Any], Iterator[Row]]]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".parquet": _parquet,
}


def _learn(rows: list[Row]) -> None:
    """Learn the values under secret names, in whatever row and however deep, so that they are hidden wherever they are written."""
    secret = dict.fromkeys(column for row in rows for column in row if SECRET.search(column))
    hide_columns(rows, secret)
    hide_columns([inner for row in rows for value in row.values() for inner in _inside(value)], ["value"])


def _inside(value: Any, secret: bool = False) -> Iterator[Row]:
    """The values under secret names within a value, each as a row."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _inside(item, secret or bool(SECRET.search(name)))
    elif isinstance(value, list):
        for item in value:
            yield from _inside(item, secret)
    elif secret:
        yield {"value": value}


def hide_columns(rows: list[Row], secret: Collection[str]) -> None:
    """Learn the values of these columns; DocumentError when there are more than can be hidden."""
    values = {str(row[column]) for row in rows for column in secret if row.get(column)}
    if len(values) > SECRETS_MOST:
        raise DocumentError(
            f"its columns with secret names ({', '.join(map(short, secret))}) hold more than {SECRETS_MOST:,} values, "
            "which could not be hidden any more"
        )
    for value in values:
        learn(value)


def filled_headers(headers: Mapping[str, str], rows: Mapping[str, Row]) -> dict[str, str]:
    """Return the headers with values of these rows in the place of templates."""
    return {
        name: str(compile_arguments(value, Values(rows))(Random(0), 0)) if varies(value) else value
        for name, value in headers.items()
    }
