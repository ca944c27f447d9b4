"""Runs that wait to go into the history: a file each, written before anything else is tried.

    SPOOL/20261120T031702Z-5c1f0a.run       a record (MessagePack); whole or not there
    SPOOL/...run.refused                    one that cannot be read, or that PostgreSQL refused: kept, and told of

A file goes when its run is in the history. A run that is brought twice is there once, so nothing is lost and nothing
is doubled, whoever is killed and when.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from harness.history import store
from harness.history.opening import Connection
from harness.history.record import RunRecord
from harness.services.backends.kept_postgres import make

ENDING: Final = ".run"
BYTES_MOST: Final = 64 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The result of bringing in the runs that waited."""

    brought: int
    refused: tuple[tuple[str, str], ...]  # the file, and why


def keep(spool: Path, record: RunRecord) -> Path:
    """Write a record into the spool; OSError when there is no room."""
    make(spool.parent)
    spool.mkdir(exist_ok=True, mode=0o700)
    known = _NAME.fullmatch(record.run_id)
    name = record.run_id if known else hashlib.sha256(record.run_id.encode()).hexdigest()[:16]
    path, aside = spool / f"{name}{ENDING}", spool / f".{name}.partial"
    try:
        aside.touch(mode=0o600)
        aside.write_bytes(msgspec.msgpack.encode(record))
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    return path


def waiting(spool: Path) -> list[Path]:
    """The files of runs that wait, oldest first."""
    return sorted(spool.glob(f"*{ENDING}"))


async def deliver(connection: Connection, spool: Path) -> Delivered:
    """Bring every run that waits into the history."""
    brought, refused = 0, list[tuple[str, str]]()
    paths = iter(waiting(spool))
    while batch := list(islice(paths, store.BATCH)):
        records = dict(_read(batch, refused))
        new, bad = await store.bring(connection, [(str(path), record) for path, record in records.items()])
        brought += new
        for name, why in bad:
            _refuse(Path(name), why, refused)
        for path in records:
            path.unlink(missing_ok=True)
    return Delivered(brought, tuple(refused))


def _read(paths: Sequence[Path], refused: list[tuple[str, str]]) -> Iterator[tuple[Path, RunRecord]]:
    for path in paths:
        try:
            with path.open("rb") as file:
                yield path, msgspec.msgpack.decode(file.read(BYTES_MOST), type=RunRecord)
        except FileNotFoundError:  # another process has brought it
            continue
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            _refuse(path, str(error), refused)


def _refuse(path: Path, why: str, refused: list[tuple[str, str]]) -> None:
    aside = path.with_name(f"{path.name}.refused")
    with suppress(OSError):
        path.replace(aside)
    refused.append((str(aside), why))
