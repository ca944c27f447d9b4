"""List the runs under a directory, and tell which may be removed.

A run is DIR/<scenario>/<UTC time>-<short id>/ with a metadata.json that holds that same name. Nothing else
counts as a run, no link is followed, and nothing else is ever removed. A run of any age stays while

- the process that makes it is alive, from its first file to the end of its report;
- `latest` points to it;
- undo.jsonl still lists something that must be undone: `harness doctor --clean` needs that file.

It cannot see processes on another machine that write into the same directory.
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.foundation.errors import UsageError
from harness.foundation.untrusted import nesting
from harness.foundation.untrusted.documents import short
from harness.run_directory.directory import RunDirectory, no_file
from harness.run_directory.metadata import same_machine
from harness.run_directory.results import glance
from harness.run_directory.results.codec import DamagedError
from harness.run_directory.results.glance import Glance
from harness.run_directory.undo import owner_alive, read_open

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run; it has no summary if it was cut off or is still running."""

    directory: RunDirectory
    metadata: Mapping[str, Any]
    summary: Glance | None
    running: bool
    latest: bool
    left_over: bool

    @property
    def path(self) -> Path:
        return self.directory.path

    @property
    def scenario(self) -> str:
        return str(self.metadata.get("scenario"))

    @property
    def started_at(self) -> str:
        return str(self.metadata.get("started_at") or "")

    @property
    def state(self) -> str:
        """The verdict as people see it (`report.wording.outcome`), or why there is none."""
        if self.running:
            return "running"
        if self.summary is None:
            there = (self.path / "summary.json").exists() or no_file(self.path) is not None
            return "damaged" if there else "cut off"
        verdict = self.summary.verdict
        experiment = self.summary.command == "chaos" and not self.summary.matrix
        asked_for_nothing = not self.summary.objectives and not experiment
        return "measured" if verdict == "pass" and asked_for_nothing else verdict

    @property
    def stays(self) -> str:
        """Why the run must not be removed; empty when it may be."""
        if self.running:
            return "it is still running"
        if self.latest:
            return "`latest` points to it"
        return "it left something behind (harness doctor --clean removes it)" if self.left_over else ""


def runs(root: Path) -> list[PastRun]:
    """Every run under `root`, newest first."""
    try:
        there = root.is_dir()
    except OSError:  # a name that is too long
        there = False
    if not there:
        raise UsageError(
            f"There are no runs in {short(str(root), 120)}",
            "There is no such directory",
            "Give the --out of those runs",
        )
    return sorted(_found(root), key=lambda run: (run.started_at, run.path.name), reverse=True)


def _found(root: Path) -> Iterator[PastRun]:
    for path in root.glob("*/*"):
        if not _NAME.fullmatch(path.name) or path.is_symlink() or path.parent.is_symlink():
            continue
        metadata = mapping(path / "metadata.json") if (path / "metadata.json").is_file() else None
        if metadata is not None and metadata.get("run_id") == path.name:
            yield _past(RunDirectory(path), metadata)


def _machine(metadata: Mapping[str, Any]) -> Mapping[str, Any] | None:
    machine = metadata.get("machine")
    return same_machine(machine) if isinstance(machine, Mapping) else None


def _past(directory: RunDirectory, metadata: Mapping[str, Any]) -> PastRun:
    if no_file(directory.path) is not None:  # nothing of it is read
        return PastRun(
            directory, metadata, None, running=False, latest=_is_latest(directory), left_over=False
        )
    summary = _glance(directory.path / "summary.json")
    beginning = summary is None and not directory.undo.exists()  # only metadata.json has been written so far
    return PastRun(
        directory,
        metadata,
        summary,
        running=beginning or owner_alive(directory.undo),
        latest=_is_latest(directory),
        left_over=bool(read_open(directory.undo)),
    )


def _is_latest(directory: RunDirectory) -> bool:
    return os.path.realpath(directory.path.parent / "latest") == os.path.realpath(directory.path)


def _glance(path: Path) -> Glance | None:
    """The run's result; None when the file is missing or damaged."""
    with suppress(OSError, DamagedError):
        return glance.of_file(path)
    return None


def mapping(path: Path) -> Mapping[str, Any] | None:
    """The content of a JSON file of a run; None when it is missing or not a JSON object."""
    with suppress(OSError, ValueError):
        value = nesting.of_file(path)
        return value if isinstance(value, dict) else None
    return None


def previous(root: Path, run_dir: Path) -> tuple[PastRun | None, int]:
    """The previous run of the same scenario on this machine, and the number of runs on other machines."""
    known = runs(root)
    this = next((run for run in known if run.path.resolve() == run_dir.resolve()), None)
    if this is None:
        return None, 0
    earlier = [
        run
        for run in known[known.index(this) + 1 :]
        if run.scenario == this.scenario and run.summary is not None
    ]
    here = [run for run in earlier if _machine(run.metadata) == _machine(this.metadata)]
    return next(iter(here), None), len(earlier) - len(here)


def beyond(known: Sequence[PastRun], keep: int) -> list[PastRun]:
    """All runs except the `keep` newest of each scenario; some of them may have to stay."""
    seen: Counter[str] = Counter()
    old = []
    for run in known:
        seen[run.path.parent.name] += 1
        if seen[run.path.parent.name] > keep:
            old.append(run)
    return old


def remove(run: PastRun) -> None:
    """Remove a run. metadata.json goes last, so that a removal that was cut off can be repeated."""
    for path in run.path.iterdir():
        if path == run.directory.metadata:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    run.directory.metadata.unlink()
    run.path.rmdir()


def size_bytes(run: PastRun) -> int:
    """Total size of its files in bytes. A file that disappears meanwhile counts as 0."""
    total = 0
    for path in run.path.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size if path.is_file() else 0
    return total
