"""Undo what undo.jsonl still lists: the janitor's work, and that of `harness doctor --clean`.

`HANDLERS` says how each kind is undone; a kind that is not there is reported and stays listed. Things are undone
newest first, so a fault is healed before the process it sits in is ended, and a process is ended before the
directory it works in is removed. The whole is swept again until nothing reappears, all within three seconds (but for a
command of the user's and a database, which take their time).

It runs in a process of its own that has no event loop and outlives the orchestrator, so it reads the monotonic
clock itself, and imports the standard library only: it must start fast, and work when anything else is broken.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.run_directory.undo import (
    DIRECTORY,
    PROCESS,
    SHARED_MEMORY,
    OpenEntry,
    boot_id,
    mark_done,
    owner_alive,
    read_open,
)
from harness.services.cleanup.leftover_calls import CALLS, undo_calls
from harness.services.cleanup.leftover_commands import COMMAND, undo_command
from harness.services.cleanup.leftover_databases import DATABASE, undo_database
from harness.services.cleanup.leftover_proxies import is_on_toxiproxy, undo_toxiproxy
from harness.services.cleanup.leftover_sessions import SESSION, undo_session
from harness.services.cleanup.undoing import STOPPED, TOXIPROXY
from harness.services.processes import proctable
from harness.services.processes.proctable import Process
from harness.services.processes.sharedmemory import forget_segment

GRACE_S, SWEEP_S, PAUSE_S = 0.7, 2.0, 0.02
PREFIX = "harness-"  # of every temporary directory of ours; nothing else is removed


def _undo_process(data: Mapping[str, Any]) -> str | None:
    """End the process and its family; return the problem, or None when none of them runs."""
    if data.get("boot") != boot_id():
        return None
    root = (int(data["pid"]), int(data["start_ticks"]))
    return _end(lambda: proctable.family([root], proctable.table()))


def _undo_directory(data: Mapping[str, Any]) -> str | None:
    """Remove a temporary directory and end what still works in it."""
    import shutil  # loads five compression libraries

    path = Path(str(data["path"]))
    if not path.is_absolute() or not path.name.startswith(PREFIX) or path.is_symlink():
        return f"{path} is not a temporary directory of the harness: remove it yourself if it is yours"
    problem = _end(lambda: proctable.standing_in(str(path), proctable.table()))
    shutil.rmtree(path, ignore_errors=True)
    return f"{path} cannot be removed: rm -r {path}" if path.exists() else problem


def _undo_shared_memory(data: Mapping[str, Any]) -> str | None:
    """Remove the segment of a PostgreSQL that was killed; its process is undone before."""
    forget_segment(Path(str(data["path"])))
    return None


def _undo_stopped(data: Mapping[str, Any]) -> str | None:
    """Resume the processes that a fault has stopped; those that have ended need nothing."""
    if data.get("boot") != boot_id():
        return None
    roots = [(int(pid), int(ticks)) for pid, ticks in data["processes"]]
    for _ in range(10):
        stopped = [each for each in proctable.family(roots, proctable.table()) if each.state == "T"]
        if not stopped:
            return None
        for process in stopped:
            proctable.send(process, signal.SIGCONT)
        time.sleep(PAUSE_S / 2)
    return f"still stopped; let it go on: kill -CONT {' '.join(str(process.pid) for process in stopped)}"


Handler = Callable[[Mapping[str, Any]], str | None]

HANDLERS: dict[str, Handler] = {
    PROCESS: _undo_process,
    DIRECTORY: _undo_directory,
    SHARED_MEMORY: _undo_shared_memory,
    TOXIPROXY: undo_toxiproxy,
    STOPPED: _undo_stopped,
    CALLS: undo_calls,
    COMMAND: undo_command,
    DATABASE: undo_database,
    SESSION: undo_session,
}


def is_there(entry: OpenEntry) -> bool:
    """Whether there is still something to undo; yes if that cannot be checked."""
    data = entry.data
    try:
        if entry.what == PROCESS:
            return data.get("boot") == boot_id() and proctable.is_alive(
                int(data["pid"]), int(data["start_ticks"])
            )
        if entry.what in {DIRECTORY, SHARED_MEMORY}:
            return os.path.lexists(str(data["path"]))
        if entry.what == STOPPED:
            roots = [(int(pid), int(ticks)) for pid, ticks in data["processes"]]
            family = proctable.family(roots, proctable.table())
            return data.get("boot") == boot_id() and any(each.state == "T" for each in family)
        return entry.what != TOXIPROXY or is_on_toxiproxy(data)
    except (OSError, ValueError, LookupError, TypeError):
        return True


def clean(undo_path: Path) -> list[str]:
    """Undo what a run left behind; return what was done, a line each.

    A run that still goes on is left alone.
    """
    if owner_alive(undo_path):
        return [f"{undo_path}: its run is still going; nothing was touched"]
    return undo_all(undo_path)


def undo_all(undo_path: Path) -> list[str]:
    """Undo everything that is open in the file, even if its run goes on.

    Return what was done, a line each.
    """
    deadline = time.monotonic() + SWEEP_S
    messages = _ask_first(read_open(undo_path))
    undone: set[int] = set()  # also kept in memory: a full disk takes no note of it

    def still() -> list[OpenEntry]:
        return [entry for entry in read_open(undo_path) if entry.id not in undone]

    while True:
        left = {entry.id: _undo(entry) for entry in reversed(still())}
        strays = proctable.marked(f"{undo_path.absolute()}#", proctable.table())
        messages += [
            f"ended {_shown(process)}, which had left its family" for process in strays if _kill(process)
        ]
        for entry in still():
            if left.get(entry.id) is None and entry.id in left:
                undone.add(entry.id)
                with suppress(OSError):
                    mark_done(undo_path, entry.id)
                messages.append(f"undone: {_named(entry)}")
        if time.monotonic() > deadline or not (strays or any(entry.what in HANDLERS for entry in still())):
            break
        time.sleep(PAUSE_S)
    return messages + [f"LEFT: {_named(entry)}: {left.get(entry.id)}" for entry in still()]


def _undo(entry: OpenEntry) -> str | None:
    """Undo one entry; return the problem, or None when it is undone."""
    handler = HANDLERS.get(entry.what)
    if handler is None:
        return f"it is not known how to undo {entry.what!r}"
    try:
        return handler(entry.data)
    except Exception as error:  # the last line of defence: one bad entry must not save the others
        return f"{type(error).__name__}: {error}"


def _ask_first(entries: list[OpenEntry]) -> list[str]:
    """Send each process the signal that ends it in good order, and wait a little for all of them."""
    asked = []
    for entry in entries:
        process, number = _process(entry.data), _signal(entry.data)
        if process is not None and proctable.send(process, number):
            proctable.send(process, signal.SIGCONT)  # it may have been paused
            asked.append((process, f"{_named(entry)}: sent {number.name}"))
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline and any(
        proctable.is_alive(process.pid, process.start_ticks) for process, _ in asked
    ):
        time.sleep(PAUSE_S)
    return [line for _, line in asked]


def _signal(data: Mapping[str, Any]) -> signal.Signals:
    """Return the signal that ends the process in good order."""
    try:
        return signal.Signals(data.get("signal", signal.SIGKILL))
    except ValueError:  # no signal at all
        return signal.SIGKILL


def _process(data: Mapping[str, Any]) -> Process | None:
    """Return the process of an entry if exactly that one still runs, else None."""
    pid, ticks = data.get("pid"), data.get("start_ticks")
    if not isinstance(pid, int) or data.get("boot") != boot_id():
        return None
    process = proctable.read(pid)
    return process if process and process.start_ticks == ticks else None


def _end(members: Callable[[], set[Process]]) -> str | None:
    """Kill the processes, and look again up to ten times; return which ones still run, or None."""
    for _ in range(10):
        alive = members()
        if not alive:
            return None
        for process in alive:
            _kill(process)
        time.sleep(PAUSE_S / 2)
    return f"still running: {', '.join(str(process.pid) for process in members())}"


def _kill(process: Process) -> bool:
    return proctable.send(process, signal.SIGKILL)


def _named(entry: OpenEntry) -> str:
    """Return the name of an entry for a message."""
    if entry.what == PROCESS:
        return f"process {entry.data.get('pid')} ({entry.data.get('name')})"
    if entry.what == STOPPED:
        return f"the pause of {entry.data.get('name')}"
    if entry.what == CALLS:
        return f"what was written to {entry.data.get('at')} ({entry.data.get('told')})"
    if entry.what == COMMAND:
        return f"a command that puts things right ({entry.data.get('told')})"
    if entry.what == DATABASE:
        return f"{entry.data.get('drop')} {entry.data.get('name')} in {entry.data.get('told')}"
    if entry.what == SESSION:
        return f"a session with {entry.data.get('at')}"
    return f"{entry.what} {entry.data.get('path', '')}".rstrip()


def _shown(process: Process) -> str:
    return f"process {process.pid}"
