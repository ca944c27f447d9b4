"""undo.jsonl: what must be undone, written and flushed before it is done.

    {"id": 1, "what": "directory", "path": "/tmp/harness-postgres-x1y2"}
    {"id": 2, "what": "process", "pid": 4711, "start_ticks": 812345, "boot": "...", "name": "target", "signal": 9}
    {"done": 2}

- One process writes ahead (the owner, named by the first line); the janitor adds `done` lines after its death.
- A process is known by pid and start time (clock ticks since boot): a reused pid is somebody else.
- What cannot be written must not be done; what has been undone is undone, even where that cannot be written. On a full disk it is
  written in the place of what it undoes, which takes no room.
- Nothing is synced to disk: lines survive the death of any process, and the death of the machine undoes the rest.
- A journal is in force in the body of its `with`, and for the tasks that are begun there: whoever starts something
  announces it in the one in force (`journal`), so it need not be handed from hand to hand.
- Whoever listens (`unasked`) is told of a child that has ended without having been asked to: it is not in the file.
- Kinds are open: a reader keeps what it does not know, and a torn last line is as good as not written, because
  what it announces had not happened yet.

What it does not know: how anything is undone. `services.cleanup.leftovers` does.

It is read in the janitor too, so it and what it imports need the standard library only.
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
BYTES_MOST, LINE_BYTES_MOST = 64 << 20, 1 << 20  # of a file of ours; whoever else wrote it has no say beyond
NO_FAULTS = (PROCESS, DIRECTORY, SHARED_MEMORY)


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """One thing that has not been undone."""

    id: int
    what: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was announced; `done` when it has been undone."""

    journal: "UndoJournal"
    id: int

    def done(self) -> None:
        self.journal.done(self.id)


@dataclass(frozen=True, slots=True)
class Ended:
    """A child that nobody had asked to end."""

    part: str  # what it was of the run: target, server, postgres, ...
    pid: int
    how: str  # killed by signal 9 (SIGKILL); exit code 1
    last_words: str = ""  # the end of its log, without control characters
    left: int = 0  # processes of its own that still run
    in_order: bool = False  # with exit code 0
    replaced: bool = False  # another one does its work


class UndoJournal:
    """Announces what must be undone. One writer at a time; every line is flushed."""

    _before: "UndoJournal | None" = None  # in force before this one

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._last_id = max((entry.id for entry in read_open(self.path, also_done=True)), default=0)
        self._file = Appended(self.path)
        self._announced: dict[int, OpenEntry] = {}
        self._undone: set[int] = set()
        self.unwatched = ""  # why nobody would undo it if we were killed now
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
        """Announce one thing of any kind that `services.cleanup.leftovers` can undo. NoRoomError: it must not be done."""
        self._last_id += 1
        self._announce({"id": self._last_id, "what": what, **data})
        self._announced[self._last_id] = OpenEntry(self._last_id, what, data)
        return Entry(self, self._last_id)

    def process(self, pid: int, name: str, signal: int = 9) -> Entry:
        """Announce a child; `signal` is what ends it in good order at once, before SIGKILL ends it anyhow."""
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
        """It has been undone, whether or not that can be written: who undoes it once more finds nothing to do."""
        self._undone.add(entry_id)
        try:
            self._write({"done": entry_id})
        except OSError:
            _write_over(self.path, entry_id)

    def open(self) -> list[OpenEntry]:
        """What has been announced and not undone, also when the file is gone."""
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
                "What is not written there first is not done; give it room, or another --out",
            )

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write((json.dumps(line, separators=(",", ":")) + "\n").encode())


_IN_FORCE: ContextVar[UndoJournal | None] = ContextVar("journal in force", default=None)


def journal() -> UndoJournal:
    """The one in force: nothing is started where nobody would end it."""
    found = _IN_FORCE.get()
    if found is None:
        raise RuntimeError("no journal is in force: open one, or let a janitor watch (services.watched)")
    return found


def read_open(path: Path, *, also_done: bool = False) -> list[OpenEntry]:
    """What is still to be undone, oldest first; nothing when there is no such file."""
    found: dict[int, OpenEntry] = {}
    for line in _lines(path):
        if "done" in line and not also_done:
            if isinstance(line["done"], int):
                found.pop(line["done"], None)
        elif isinstance(line.get("id"), int):
            data = {key: value for key, value in line.items() if key not in {"id", "what"}}
            found[line["id"]] = OpenEntry(line["id"], str(line.get("what", "")), data)
    return list(found.values())


def owner_alive(path: Path) -> bool:
    """Whether the process that writes this file still runs."""
    owners = [line for line in _lines(path) if "owner" in line]
    if not owners or owners[-1].get("boot") != boot_id():
        return False
    owner = owners[-1]["owner"]
    return isinstance(owner, int) and start_ticks(owner) == owners[-1].get("start_ticks") != 0


def mark_done(path: Path, entry_id: int) -> None:
    """Add that a thing has been undone, for whoever undoes it after the owner's death."""
    file = Appended(path)
    try:
        file.write(json.dumps({"done": entry_id}).encode() + b"\n")
    except OSError:
        if not _write_over(path, entry_id):
            raise
    finally:
        file.close()


def _write_over(path: Path, entry_id: int) -> bool:
    """In the place of the line that announced it: a file of the same size needs no room. Whether that was possible."""
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
    """When a process started, in clock ticks since boot; 0 when there is none of that pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def boot_id() -> str:
    """Which boot of the machine this is: pids and ticks of another one mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line; a torn one and one that is no mapping are left out."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        found = map(_line, file.read(BYTES_MOST).splitlines())
        return [line for line in found if line]


def _line(text: bytes) -> dict[str, Any]:
    """What a line says; nothing when it cannot be read, or is no mapping."""
    try:
        line = nesting.value(text, LINE_BYTES_MOST)
    except ValueError:
        return {}
    return line if isinstance(line, dict) else {}
