"""The run directory: the only thing that making a run and reading a run share.

    DIR/<scenario>/<UTC time>-<short id>/      and DIR/<scenario>/latest, a link to the newest

    scenario.yaml plan.json metadata.json      written before anything starts
    undo.jsonl                                 what must be undone, written ahead
    events.jsonl                               appended as things happen
    work.jsonl                                 entries that were promised, and found again
    spool/ -> samples.parquet                  a row a call
    checksums.json                             what the files above were when the run ended
    live.json                                  the last seconds, while it runs
    summary.json report.html windows.csv charts/   what was read from it
    harness.log locust.log ...                 logs of the parts

Files appear whole or not at all: written aside, then renamed.
"""

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from harness.foundation.errors import HarnessError, UsageError
from harness.foundation.secrets.hiding import hide, hide_in
from harness.foundation.untrusted.documents import short
from harness.run_directory.disk_space import blame


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The paths in one run directory; it knows names, not contents."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def undo(self) -> Path:
        return self.path / "undo.jsonl"

    @property
    def spool(self) -> Path:
        return self.path / "spool"

    @property
    def work(self) -> Path:
        return self.path / "work.jsonl"

    @property
    def samples(self) -> Path:
        return self.path / "samples.parquet"

    @property
    def metadata(self) -> Path:
        return self.path / "metadata.json"

    def log(self, name: str) -> Path:
        return self.path / f"{name}.log"

    def write_json(self, name: str, value: Any) -> None:
        write_whole(self.path / name, json.dumps(hide_in(value), indent=2) + "\n")

    def write_yaml(self, name: str, value: Any) -> None:
        write_whole(self.path / name, yaml.safe_dump(hide_in(value), sort_keys=False, allow_unicode=True))


def write_whole(path: Path, text: str) -> None:
    """Replace a file at once: it holds either the old content or the new one. Secrets are hidden."""
    aside = path.with_name(f".{path.name}.partial")
    try:
        aside.unlink(missing_ok=True)  # of one that was killed; or a link, which would lead elsewhere
        with aside.open("x", encoding="utf-8") as file:
            file.write(hide(text))
        aside.replace(path)
    except OSError:
        with suppress(OSError):
            aside.unlink(missing_ok=True)  # a part of it is of no use, and takes room
        raise


def create(root: Path, scenario: str, started_at: datetime) -> RunDirectory:
    """A new run directory under `root`; `latest` points to it once it has something to show (`point_latest`)."""
    path = create_plain(root, scenario, started_at)
    try:
        (path / "spool").mkdir()
    except OSError as error:
        raise _not_writable(root, error) from error
    return RunDirectory(path)


def create_plain(root: Path, name: str, started_at: datetime) -> Path:
    """A new directory under `root`, for its owner alone: of a run, a verification, or an experiment without load."""
    own = f"{started_at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    path = root.absolute() / re.sub(r"[^A-Za-z0-9_.-]", "-", hide(name)) / own
    try:
        path.mkdir(parents=True, mode=0o700)  # nobody else's to read
    except OSError as error:
        raise _not_writable(root, error) from error
    return path


def _not_writable(root: Path, error: OSError) -> HarnessError:
    return blame(error) or UsageError(
        f"Cannot write to {root}",
        f"{error.strerror}: {error.filename}",
        "Give a writable directory with --out",
    )


def point_latest(path: Path) -> None:
    """Make `latest` beside this directory point to it."""
    link = path.parent / f".latest-{path.name}"
    link.symlink_to(path.name)
    os.replace(link, path.parent / "latest")  # noqa: PTH105 - Path.replace would follow the old link


def find(path: Path) -> RunDirectory:
    """Find an existing run by its directory, a link to it, or any file in it."""
    try:
        directory = _found(path)
        check_files(directory.path)
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # a name that is too long, or no name; links in a circle
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{short(str(path), 120)} is not a run",
            why,
            "Give the directory of a run, such as reports/ramp/latest",
        ) from error
    return directory


def no_file(place: Path) -> Path | None:
    """What below it is neither a file nor a directory: a pipe would be waited for, a device has no end."""
    for root, _, names in os.walk(place):
        for name in names:
            entry = Path(root, name)
            if entry.exists() and not entry.is_file() and not entry.is_dir():
                return entry
    return None


def check_files(place: Path) -> None:
    """Raise a UsageError for a directory that holds anything but files and directories."""
    if (missing := no_file(place)) is not None:
        raise UsageError(
            f"{short(str(missing), 120)} is no file",
            "It is a pipe, a socket or a device, and no run has one",
            "Remove it, or look where the directory comes from",
        )


def _found(path: Path) -> RunDirectory:
    place = path.resolve()
    place = place.parent if place.is_file() else place
    if not (place / "metadata.json").is_file():
        newest = place / "latest"
        if (newest / "metadata.json").is_file():
            return RunDirectory(newest.resolve())
        raise UsageError(
            f"{path} is not a run",
            "There is no metadata.json in it" if place.is_dir() else "There is no such directory",
            "Give the directory of a run, such as reports/ramp/latest",
        )
    return RunDirectory(place)
