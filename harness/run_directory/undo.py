"""undo.jsonl: a journal of what must be undone. An entry is written and flushed before the thing is done.

    {"id": 1, "what": "directory", "path": "/tmp/harness-postgres-x1y2"}
    {"id": 2, "what": "process", "pid": 4711, "start_ticks": 812345, "boot": "...", "name": "target", "signal": 9}
    {"done": 2}

- One process writes ahead (the owner, named by the first line); the janitor adds `done` lines after its death.
- A process is identified by pid and start time (clock ticks since boot), so a reused pid is another process.
- If an entry cannot be written, the thing must not be done. If `done` cannot be written, the thing is undone
  all the same; on a full disk `done` overwrites the entry, which takes no room.
- Nothing is synced to disk: lines survive the death of any process, and a crash of the machine undoes the
  rest.
- A journal is in force inside its `with` block, and in tasks started there. Code that starts something
  announces it in the journal in force (`journal`), so the journal is not passed as an argument.
- The listener `unasked` is told of a child that ended without being asked to; this is not in the file.
- A reader keeps entries of unknown kinds. An incomplete last line counts as not written, because the thing
  that it announces had not been done yet.

This module does not know how things are undone: `services.cleanup.leftovers` does.

Standard library only, here and in what it imports, because the janitor uses it.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.foundation.errors import NoRoomError
from harness.foundation.secrets.hiding import hide
from harness.foundation.untrusted import nesting
from harness.run_directory.appended_file import Appended

PROCESS, DIRECTORY, SHARED_MEMORY = "process", "directory", "shared_memory"
BYTES_MOST, LINE_BYTES_MOST = 64 << 20, 1 << 20  # the most that is read of the file, and of a line
NO_FAULTS = (PROCESS, DIRECTORY, SHARED_MEMORY)


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """One announced thing that has not been undone."""

    id: int
    what: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One announced thing; `done` when it has been undone."""

    journal: "UndoJournal"
    id: int

    def done(self) -> None:
        self.journal.done(self.id)


@dataclass(frozen=True, slots=True)
class Ended:
    """A child process that ended without being asked to."""

    part: str  # its role in the run: target, server, postgres, ...
    pid: int
    how: str  # killed by signal 9 (SIGKILL); exit code 1
    last_words: str = ""  # the end of its log, without control characters
    left: int = 0  # child processes of it that still run
    in_order: bool = False  # it ended with exit code 0
    replaced: bool = False  # another one does its work


class UndoJournal:
    """The journal of what must be undone. It has one writer at a time and flushes every line."""

    _before: "UndoJournal | None" = None  # the journal that was in force before this one

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._last_id = max((entry.id for entry in read_open(self.path, also_done=True)), default=0)
        self._file = Appended(self.path)
        self._announced: dict[int, OpenEntry] = {}
        self._undone: set[int] = set()
        self.unwatched = ""  # why nobody would undo it if this process were killed; empty: a janitor would
        self.unasked: Callable[[Ended], None] = lambda _ended: None
        self._announce({"owner": os.getpid(), "start_ticks": start_ticks(os.getpid()), "boot": boot_id()})

    def __enter__(self) -> Self:
        self._before = _IN_FORCE.get()
        _IN_FORCE.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _IN_FORCE.set(self._before)
        self.close()

    def close(self) -> None:
        self._file.close()

    def add(self, what: str, **data: Any) -> Entry:
        """Announce a thing that `services.cleanup.leftovers` can undo. NoRoomError: it must not be done."""
        self._last_id += 1
        self._announce({"id": self._last_id, "what": what, **data})
        self._announced[self._last_id] = OpenEntry(self._last_id, what, data)
        return Entry(self, self._last_id)

    def process(self, pid: int, name: str, signal: int = 9) -> Entry:
        """Announce a child process; `signal` asks it to end cleanly before SIGKILL does."""
        return self.add(
            PROCESS,
            pid=pid,
            start_ticks=start_ticks(pid),
            boot=boot_id(),
            name=hide(name),
            signal=int(signal),
        )

    def directory(self, path: Path) -> Entry:
        """Announce a temporary directory, before it is made."""
        return self.add(DIRECTORY, path=str(path.absolute()))

    def done(self, entry_id: int) -> None:
        """Mark an entry as undone, even if that cannot be written: undoing it again does no harm."""
        self._undone.add(entry_id)
        try:
            self._write({"done": entry_id})
        except OSError:
            _write_over(self.path, entry_id)

    def open(self) -> list[OpenEntry]:
        """The entries that were announced and not undone, even when the file is gone."""
        known = read_open(self.path) if self.path.is_file() else self._announced.values()
        return [entry for entry in known if entry.id not in self._undone]

    def _announce(self, line: Mapping[str, Any]) -> None:
        try:
            self._write(line)
            why = "" if self._file.there() else "it is not there any more"
        except OSError as error:
            why = error.strerror or str(error)
        if why:
            raise NoRoomError(
                f"{self.path} cannot be written",
                why,
                "The harness starts nothing that is not recorded there first; free some space, or give another --out",
            )

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write((json.dumps(line, separators=(",", ":")) + "\n").encode())


_IN_FORCE: ContextVar[UndoJournal | None] = ContextVar("journal in force", default=None)


def journal() -> UndoJournal:
    """The journal in force; an error without one, because nothing may be started that nobody would end."""
    current = _IN_FORCE.get()
    if current is None:
        raise RuntimeError("no journal is in force: open one, or let a janitor watch (services.watched)")
    return current


def read_open(path: Path, *, also_done: bool = False) -> list[OpenEntry]:
    """The entries that are still to be undone, oldest first; empty when the file does not exist."""
    entries: dict[int, OpenEntry] = {}
    for line in _lines(path):
        if "done" in line and not also_done:
            if isinstance(line["done"], int):
                entries.pop(line["done"], None)
        elif isinstance(line.get("id"), int):
            data = {key: value for key, value in line.items() if key not in {"id", "what"}}
            entries[line["id"]] = OpenEntry(line["id"], str(line.get("what", "")), data)
    return list(entries.values())


def owner_alive(path: Path) -> bool:
    """Whether the process that writes this file still runs."""
    owners = [line for line in _lines(path) if "owner" in line]
    if not owners or owners[-1].get("boot") != boot_id():
        return False
    owner = owners[-1]["owner"]
    return isinstance(owner, int) and start_ticks(owner) == owners[-1].get("start_ticks") != 0


def mark_done(path: Path, entry_id: int) -> None:
    """Append that an entry has been undone; used after the owner's death."""
    file = Appended(path)
    try:
        file.write(json.dumps({"done": entry_id}).encode() + b"\n")
    except OSError:
        if not _write_over(path, entry_id):
            raise
    finally:
        file.close()


def _write_over(path: Path, entry_id: int) -> bool:
    """Overwrite the line that announced it, because that needs no room. Returns whether it worked."""
    done = json.dumps({"done": entry_id}, separators=(",", ":")).encode()
    with suppress(OSError), path.open("r+b", buffering=0) as file:
        at = 0
        for line in file.read(BYTES_MOST).splitlines(keepends=True):
            size = len(line.rstrip(b"\n"))
            if size >= len(done) and _line(line).get("id") == entry_id:
                file.seek(at)
                return file.write(done.ljust(size)) == size
            at += len(line)
    return False


def start_ticks(pid: int) -> int:
    """The start time of a process in clock ticks since boot; 0 when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def boot_id() -> str:
    """The id of this boot of the machine: pids and start times of another boot mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _lines(path: Path) -> list[Mapping[str, Any]]:
    """Every complete line; an incomplete one, and one that is not a mapping, is left out."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        lines = map(_line, file.read(BYTES_MOST).splitlines())
        return [line for line in lines if line]


def _line(text: bytes) -> Mapping[str, Any]:
    """The object in a line; empty when the line cannot be read, or is not an object."""
    try:
        line = nesting.value(text, LINE_BYTES_MOST)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
