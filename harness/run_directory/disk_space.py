"""Disk space and memory: how much is free, and which errors of the system mean that there is none left.

    free(path)            free bytes and files where `path` is, or would be
    blame(error, place)   the error as a NoRoomError; None when it has another cause

A place can be full (disk, quota, limit on file sizes), read-only, or gone; memory, processes and open files
can run out. None of these is a bug, and none is the fault of the server.
"""

import errno
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.foundation.errors import HarnessError, NoRoomError

FULL: Final = {
    errno.ENOSPC: "the disk is full, or has no place for one more file",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file may not grow any more (ulimit -f)",
}
CLOSED: Final = {
    errno.EROFS: "it is read only",
    errno.EACCES: "it may not be written to",
    errno.EPERM: "it may not be written to",
    errno.EIO: "the disk fails",
}
USED_UP: Final = {
    errno.ENOMEM: "there is not enough memory",
    errno.EMFILE: "too many files are open (ulimit -n)",
    errno.ENFILE: "too many files are open on this machine",
}
ELSEWHERE: Final = "Free some, or give another directory with --out"
LESS: Final = "Give it more (ulimit, the limits of the container), or ask for fewer users and workers"
# The least address space and data size: with less, libraries wait for memory forever, or end the process.
ADDRESS_LEAST: Final = 768 << 20
_MEMORY: Final = (
    (resource.RLIMIT_AS, "-v", ADDRESS_LEAST, 1280 << 20),
    (resource.RLIMIT_DATA, "-d", 256 << 20, 640 << 20),
)
# Words in errors that are about memory although their type does not say so.
_OF_MEMORY: Final = (
    "cannot allocate memory",
    "failed to map segment",
    "can't start new thread",
    "out of memory",
)


@dataclass(frozen=True, slots=True)
class Free:
    """The free space; None where there is no limit, or the system does not tell."""

    bytes: int
    files: int | None
    file_bytes: int | None  # how large one file may grow


def free(path: Path) -> Free:
    """The free space at `path`, or at the nearest directory above it that exists."""
    place = path.absolute()
    while not os.path.exists(place) and place != place.parent:  # noqa: PTH110 - a name that is too long is none
        place = place.parent
    stats = os.statvfs(place)
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return Free(
        stats.f_bavail * stats.f_frsize,
        stats.f_favail if stats.f_files else None,
        None if most == resource.RLIM_INFINITY else most,
    )


def enough_memory(*, run: bool = False) -> None:
    """Raise a NoRoomError, before large libraries are loaded, if memory is limited too tightly."""
    for limit, flag, few, many in _MEMORY:
        most, least = resource.getrlimit(limit)[0], many if run else few
        if 0 <= most < least:
            for_a_run = " for a run" if run else ""
            why = f"It may use {most >> 20} MB of memory (ulimit {flag}), and needs at least {least >> 20} MB{for_a_run}"
            raise NoRoomError("The harness has no room to work", why, LESS)


def blame(error: BaseException, place: Path | None = None) -> NoRoomError | None:
    """The error as a NoRoomError, if a lack of space or memory caused it; `place` is the run's directory."""
    if isinstance(error, NoRoomError):
        return error
    if place is not None and not place.is_dir():
        return gone(place)
    number = error.errno if isinstance(error, OSError) else None
    if number in FULL:
        return NoRoomError(f"There is no room left{_where(error, place)}", FULL[number], ELSEWHERE)
    if number in CLOSED and place is not None and _within(error, place):
        return NoRoomError(f"{place} cannot be written to any more", CLOSED[number], ELSEWHERE)
    if number in USED_UP:
        return NoRoomError("The harness has no room to work", USED_UP[number], LESS)
    words = str(error).lower()
    if isinstance(error, MemoryError) or (
        isinstance(error, ImportError | RuntimeError | OSError) and any(one in words for one in _OF_MEMORY)
    ):
        return NoRoomError("The harness has no room to work", USED_UP[errno.ENOMEM], LESS)
    return None


def blamed(error: HarnessError, place: Path) -> HarnessError:
    """The error to report for a failed part: a NoRoomError if there is no room, whatever the part says."""
    if isinstance(error, NoRoomError):
        return error
    if not place.is_dir():
        return gone(place)
    left = free(place)
    if left.bytes and left.files != 0:
        return error
    return NoRoomError(f"There is no room left in {place}", f"{error.what}: {error.why}", ELSEWHERE)


def gone(place: Path) -> NoRoomError:
    """The error for a run directory that was removed or renamed during the run."""
    return NoRoomError(
        f"{place} is gone",
        "It was removed or renamed during the run, and the measurements with it",
        "Run again, and do not touch the run directory until the run has ended",
    )


def _within(error: BaseException, place: Path) -> bool:
    """Whether the error is about a file in that directory; one without a file name only if EROFS or EIO."""
    named = getattr(error, "filename", None)
    if named is None:
        return getattr(error, "errno", None) in {errno.EROFS, errno.EIO}
    return not isinstance(named, int) and Path(os.fsdecode(named)).absolute().is_relative_to(place)


def _where(error: BaseException, place: Path | None) -> str:
    named = getattr(error, "filename", None)
    if named is not None and not isinstance(named, int):
        return f" for {os.fsdecode(named)}"
    return f" in {place}" if place is not None else ""
