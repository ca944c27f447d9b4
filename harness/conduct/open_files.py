"""Holds a run's files open, so that its data survive if somebody removes or renames the run directory.

    held.look()             once a second: open new files
    held.restored(...)      copy the files into a temporary directory, to read them there

An open file can be read even when its name is gone. Files that are always rewritten as a whole are made from
memory.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.run_directory.directory import RunDirectory
from harness.services.cleanup.leftovers import PREFIX

HELD: Final = ("events.jsonl", "work.jsonl", "undo.jsonl", "spool/*")


@dataclass(slots=True)
class Held:
    """The open files of one run."""

    place: Path
    _open: dict[str, int] = field(default_factory=dict)  # by their names within it

    def look(self) -> None:
        for pattern in HELD:
            for path in self.place.glob(pattern):
                name = str(path.relative_to(self.place))
                if name not in self._open:
                    self._open[name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])

    @contextmanager
    def restored(self, papers: Mapping[str, Any], scenario: Any) -> Iterator[RunDirectory]:
        """Yield a copy of the run directory; raise OSError if there is no room for it."""
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}read-", ignore_cleanup_errors=True) as place:
            directory = RunDirectory(Path(place) / self.place.name)
            directory.spool.mkdir(parents=True)
            for name, number in self._open.items():
                shutil.copyfile(f"/proc/self/fd/{number}", directory.path / name)
            for name, paper in papers.items():
                directory.write_json(name, paper)
            directory.write_yaml("scenario.yaml", scenario)
            yield directory
