"""Samples as columns: blocks of a spool to a table, tables to samples.parquet, and back to a data frame.

A `Decoder` follows one worker's spool: text codes continue from block to block, so blocks must be fed in
order. samples.parquet also stores how many calls each worker has started
(harness.run_directory.started_calls), so that calls without a row can be counted when the spools are gone.
This module knows nothing of faults and steps. Those are joined by time, from events.jsonl.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.foundation.secrets.hiding import hide_cut
from harness.foundation.untrusted import nesting
from harness.run_directory import started_calls
from harness.run_directory.schema import NULL, NULL_CODE, NULLABLE, NUMBERS, ORDER, TEXTS
from harness.run_directory.spool import Block, Gauges, read_blocks

_ARROW = {"q": pa.int64(), "i": pa.int32(), "h": pa.int16(), "b": pa.bool_()}
_NUMPY: dict[str, np.dtype[Any]] = {
    "q": np.dtype("<i8"),
    "i": np.dtype("<i4"),
    "h": np.dtype("<i2"),
    "b": np.dtype("i1"),
}
STARTED = "harness.started"
_TEXT = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema([(name, _TEXT if name in TEXTS else _ARROW[NUMBERS[name]]) for name in ORDER])


@dataclass(slots=True)
class Decoder:
    """Decode one worker's blocks, in order, into Arrow tables; keeps text codes and counts lost blocks."""

    vocabulary: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in TEXTS})
    _places: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in TEXTS})
    next_block: int = 0
    missing_blocks: int = 0

    def table(self, block: Block) -> pa.Table:
        """The rows of one block."""
        self.missing_blocks += block.block - self.next_block
        self.next_block = block.block + 1
        for name, fresh in block.texts.items():
            for text in map(hide_cut, fresh):  # a worker on another machine does not know every secret
                known = self.vocabulary[name]
                self._places[name].append(known.index(text) if text in known else len(known))
                if text not in known:
                    known.append(text)
        return pa.table([self._column(name, block) for name in ORDER], schema=SCHEMA)

    def _column(self, name: str, block: Block) -> pa.Array:
        raw = block.columns[name]
        if name in TEXTS:
            codes = np.frombuffer(raw, dtype="<i4")
            if len(self._places[name]) > len(self.vocabulary[name]):  # hiding secrets made two texts equal
                codes = np.asarray(self._places[name], "<i4")[codes]
            return pa.DictionaryArray.from_arrays(
                pa.array(codes), pa.array(self.vocabulary[name], pa.string())
            )
        values = np.frombuffer(raw, dtype=_NUMPY[NUMBERS[name]])
        if name == "reused":
            return pa.array(values != 0)
        if name in NULLABLE:
            return pa.array(values, mask=values == (NULL_CODE if name == "code" else NULL))
        return pa.array(values)


def rows_with(table: pa.Table, name: str, wanted: Callable[[str], object]) -> np.ndarray:
    """Return which rows have a wanted text in that column: each text is asked about once, however many rows have it."""
    codes, texts = _coded(table, name)
    chosen: np.ndarray = np.array([bool(wanted(text)) for text in texts] or [False])[codes]
    return chosen


def text_counts(table: pa.Table, name: str) -> dict[str, int]:
    """Return how many rows have each text of that column."""
    codes, texts = _coded(table, name)
    counts = np.bincount(codes, minlength=len(texts)).tolist()
    return {text: count for text, count in zip(texts, counts, strict=True) if count}


def _coded(table: pa.Table, name: str) -> tuple[np.ndarray, list[str]]:
    """A column's codes, and the texts that they stand for."""
    column = table[name].combine_chunks()
    return column.indices.to_numpy(zero_copy_only=False), column.dictionary.to_pylist()


@dataclass(slots=True)
class Tail:
    """Follow the spools of a run as they grow; every block is returned once."""

    spool_dir: Path
    _offsets: dict[Path, int] = field(default_factory=dict)
    _decoders: dict[Path, Decoder] = field(default_factory=dict)

    def read(self) -> list[tuple[Gauges, int, pa.Table]]:
        """The blocks written since the last call: gauges, worker and rows of each."""
        fresh = []
        for path in sorted(self.spool_dir.glob("*.spool")):
            decoder = self._decoders.setdefault(path, Decoder())
            for block, offset in read_blocks(path, self._offsets.get(path, 0)):
                fresh.append((block.gauges, block.worker, decoder.table(block)))
                self._offsets[path] = offset
        return fresh

    @property
    def missing_blocks(self) -> int:
        return sum(decoder.missing_blocks for decoder in self._decoders.values())


def seal(spool_dir: Path, target: Path) -> int:
    """Write all spools and call counts into one Parquet file, whole or not at all; returns its row count."""
    aside = target.with_suffix(".partial")
    try:
        rows = _sealed(spool_dir, aside)
        aside.replace(target)
    except OSError as error:
        error.filename = error.filename or str(aside)  # Arrow names the file in its message only
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    return rows


def unsealed(spool_dir: Path) -> tuple[pd.DataFrame, dict[int, int]]:
    """The rows of all spools and the calls started by worker, without writing a Parquet file."""
    tables = [table for path in sorted(spool_dir.glob("*.spool")) for table in _tables(path)]
    return frame(tables), started_calls.counts(spool_dir)


def _tables(path: Path) -> Iterator[pa.Table]:
    decoder = Decoder()
    for block, _ in read_blocks(path):
        yield decoder.table(block)


def _sealed(spool_dir: Path, aside: Path) -> int:
    rows = 0
    with pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
        for path in sorted(spool_dir.glob("*.spool")):
            pending: list[pa.Table] = []
            for table in _tables(path):
                pending.append(table)
                if sum(one.num_rows for one in pending) >= 500_000:
                    rows += _write(writer, pending)
                    pending = []
            rows += _write(writer, pending)
        counted = {str(worker): count for worker, count in started_calls.counts(spool_dir).items()}
        writer.add_key_value_metadata({STARTED: json.dumps(counted)})
    return rows


def sealed_counts(path: Path) -> dict[int, int] | None:
    """The number of calls started, by worker, as `seal` stored it; None when the file does not have it."""
    stored = (pq.read_metadata(path).metadata or {}).get(STARTED.encode()) if path.exists() else None
    return (
        None
        if stored is None
        else {
            int(worker): int(count)
            for worker, count in nesting.value(stored, nesting.FILE_BYTES_MOST).items()
        }
    )


def _write(writer: pq.ParquetWriter, tables: Sequence[pa.Table]) -> int:
    if not tables:
        return 0
    table = pa.concat_tables(tables).unify_dictionaries()
    writer.write_table(table)
    return int(table.num_rows)


def frame(tables: Iterable[pa.Table]) -> pd.DataFrame:
    """Join Arrow tables into one data frame: text columns categorical, nullable numbers float with NaN."""
    return _frame(pa.concat_tables(list(tables) or [SCHEMA.empty_table()]).unify_dictionaries())


def load(path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read samples.parquet into a data frame (see `frame`)."""
    return _frame(pq.read_table(path, columns=list(columns) if columns else None))


def load_whole(path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read every column, and tell what is wrong with incomplete rows, which are left out.

    ArrowException or OSError: a column is missing or has another type, or the file is not Parquet.
    """
    if missing := [name for name in ORDER if name not in pq.read_schema(path).names]:
        raise pa.ArrowInvalid(f"There is no column {missing[0]}")
    table = pq.read_table(path, columns=list(ORDER)).select(ORDER)
    table = table if table.schema.equals(SCHEMA) else table.cast(SCHEMA)
    lacking = [name for name in ORDER if name not in NULLABLE and table[name].null_count]
    damage = tuple(f"{table[name].null_count:,} rows have no {name}" for name in lacking)
    return _frame(_complete(table, lacking)), damage


def _complete(table: pa.Table, lacking: Sequence[str]) -> pa.Table:
    """The rows that have a value in each of these columns."""
    for name in lacking:
        table = table.filter(pc.is_valid(table[name]))
    return table


def _frame(table: pa.Table) -> pd.DataFrame:
    data: pd.DataFrame = table.to_pandas(split_blocks=True, self_destruct=True)
    return data
