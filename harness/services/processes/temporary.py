"""Temporary directories, announced in undo.jsonl before they are made."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from harness.foundation.errors import PartGoneError
from harness.run_directory.undo import journal
from harness.services.cleanup.leftovers import PREFIX
from harness.services.processes.threads import to_the_end

PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - names below them are random, and made by us alone


@asynccontextmanager
async def directory(name: str, reachable_by: int | None = None) -> AsyncIterator[Path]:
    """Make a directory that only we can read; remove it afterwards.

    The uid `reachable_by` must be able to reach it.
    """
    place = _place([tempfile.gettempdir(), *PLACES], reachable_by)
    path = place / f"{PREFIX}{name}-{secrets.token_hex(6)}"
    entry = journal().directory(path)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        await to_the_end(shutil.rmtree, path, ignore_errors=True)
        if not path.exists():
            entry.done()


def _place(candidates: Iterable[str], uid: int | None) -> Path:
    for candidate in candidates:
        path = Path(candidate).resolve()
        if path.is_dir() and (uid is None or is_reachable(path, uid)):
            return path
    raise PartGoneError(
        "There is no place for temporary files",
        f"User {uid} can enter none of {', '.join(candidates)}",
        "Set TMPDIR to a directory that every user can enter",
    )


def is_reachable(path: Path, uid: int) -> bool:
    """Whether a user without groups can enter a directory, and all those above it."""
    for step in (path, *path.parents):
        status = step.stat()
        if not status.st_mode & (0o100 if status.st_uid == uid else 0o001):
            return False
    return True
