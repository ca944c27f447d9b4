"""Python imports this as it starts, in every process of a covered test run: modules of the harness note which lines ran.

One byte for each line, in a file that all processes have in memory. One that is killed has noted its lines all the
same, none has anything to write at its end, and threads and greenlets need no care.
"""

import builtins
import contextlib
import json
import marshal
import mmap
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


class Finder:
    """Finds modules of the harness where they are always found, and loads them with probes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.offsets: dict[str, int] = json.loads((place / "offsets.json").read_bytes())

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing of any other package."""
        if name != "harness" and not name.startswith("harness."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin in self.offsets:
            spec.loader = Loader(name, spec.origin, self.place, self.offsets[spec.origin])
        return spec


class Loader(SourceFileLoader):
    """The first process that imports a module makes its code for all others."""

    def __init__(self, name: str, path: str, place: Path, offset: int) -> None:
        super().__init__(name, path)
        self.made = place / f"{offset}.code"
        self.offset = offset

    def get_code(self, fullname: str) -> CodeType:
        """With probes."""
        with contextlib.suppress(FileNotFoundError):
            code: CodeType = marshal.loads(self.made.read_bytes())
            return code
        import ast

        from line_probes import with_probes  # beside this file, which is on PYTHONPATH

        tree = with_probes(ast.parse(self.get_data(self.path)), self.offset)
        code = compile(tree, self.path, "exec", dont_inherit=True)
        with contextlib.suppress(OSError):  # a test may allow this process no files
            own = self.made.with_suffix(f".{os.getpid()}")
            own.write_bytes(marshal.dumps(code))
            own.replace(self.made)
        return code


def begin(place: Path) -> None:
    """Modules that are imported from now on note their lines."""
    with (place / "ran").open("r+b") as file:
        builtins.__ran__ = memoryview(mmap.mmap(file.fileno(), 0))  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder(place))


if os.environ.get("COVERING"):
    begin(Path(os.environ["COVERING"]))
