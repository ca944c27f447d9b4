"""Runs of the history as a file: JSON, one record a line; and runs of a directory, in batches."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.foundation.untrusted.printable import without_commands
from harness.history import store
from harness.history.opening import Connection
from harness.history.record import RunRecord
from harness.history.recording import RecordError, record
from harness.history.runs import runs
from harness.history.store import Where
from harness.run_directory.disk_space import blame

LINE_BYTES_MOST: Final = 16 << 20
REFUSED_MOST: Final = 1_000  # lines that are no runs: a file of more is none of `export`
Put = Callable[[str], object]


def batches(place: Path, refused: list[tuple[str, str]]) -> Iterator[list[tuple[str, RunRecord]]]:
    """The runs under a directory, or in a file, in batches; `refused` is told of those that cannot go in."""
    records = _of_directory(place, refused) if place.is_dir() else _of_file(place, refused)
    batch: list[tuple[str, RunRecord]] = []
    for one in records:
        batch.append(one)
        if len(batch) == store.BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _of_directory(place: Path, refused: list[tuple[str, str]]) -> Iterator[tuple[str, RunRecord]]:
    for run in reversed(runs(place)):
        if run.running:
            refused.append((str(run.path), "it is still running"))
            continue
        try:
            yield str(run.path), record(run.path)
        except (RecordError, UsageError) as error:
            refused.append((str(run.path), str(error)))


def _of_file(path: Path, refused: list[tuple[str, str]]) -> Iterator[tuple[str, RunRecord]]:
    decoder = msgspec.json.Decoder(RunRecord)
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES_MOST):
                number += 1
                if len(line) == LINE_BYTES_MOST and not line.endswith(b"\n"):
                    raise _no_export(path, f"Line {number:,} is longer than {LINE_BYTES_MOST >> 20} MB")
                try:
                    yield f"{path}, line {number}", decoder.decode(line)
                except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                    refused.append((f"{path}, line {number}", short(str(error), 200)))
                    if len(refused) > REFUSED_MOST:
                        raise _no_export(
                            path, f"More than {REFUSED_MOST:,} of its lines are no runs"
                        ) from error
    except OSError as error:
        raise UsageError(
            f"{short(str(path), 120)} cannot be read", error.strerror or str(error), "Give a file of `export`"
        ) from error


def _no_export(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{short(str(path), 120)} is no file of `harness history export`", why, "Give a file of `export`"
    )


async def export(connection: Connection, where: Where, put: Put) -> int:
    """Write the runs that are meant, oldest first, a batch at a time; return how many."""
    records = await store.find(connection, where, parts=False)
    ids = [run.run_id for run in records]
    for first in range(0, len(ids), store.BATCH):
        batch = await store.find(connection, Where(run_ids=ids[first : first + store.BATCH]), histograms=True)
        for one in batch:
            put(msgspec.json.encode(one).decode() + "\n")
    return len(ids)


@contextmanager
def writing(path: Path | None, stream: IO[str]) -> Iterator[Put]:
    """Where an export goes: a file that is whole or not there, or a stream."""
    if path is None:
        yield lambda text: stream.write(without_commands(text))
        return
    aside = path.with_name(f".{path.name}.partial")
    try:
        with os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            yield file.write
        aside.replace(path)
    except OSError as error:
        raise blame(error) or UsageError(
            f"{short(str(path), 120)} cannot be written",
            error.strerror or str(error),
            "Give another file with --out",
        ) from error
    finally:
        aside.unlink(missing_ok=True)
