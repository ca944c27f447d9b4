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
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

REWRITE = "_pytest.assertion.rewrite"


class Finder:
    """Finds modules of the harness where they are always found, and loads them with probes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.offsets: dict[str, int] = json.loads((place / "offsets.json").read_bytes())

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing of any other package, but for the part of pytest that loads modules of its own accord."""
        if name == REWRITE:
            spec = PathFinder.find_spec(name, path, target)
            if spec is not None and spec.origin is not None:
                spec.loader = Rewriting(name, spec.origin, self.place, self.offsets)
            return spec
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
        return made(self.made, self._with_probes)

    def _with_probes(self) -> CodeType:
        import ast

        from line_probes import with_probes  # beside this file, which is on PYTHONPATH

        tree = with_probes(ast.parse(self.get_data(self.path)), self.offset)
        return compile(tree, self.path, "exec", dont_inherit=True)


def made(place: Path, making: Callable[[], CodeType]) -> CodeType:
    """The code that another process has made, else what is made now, for all others."""
    with contextlib.suppress(FileNotFoundError):
        code: CodeType = marshal.loads(place.read_bytes())
        return code
    code = making()
    with contextlib.suppress(OSError):  # a test may allow this process no files
        own = place.with_suffix(f"{place.suffix}.{os.getpid()}")
        own.write_bytes(marshal.dumps(code))
        own.replace(place)
    return code


class Rewriting(SourceFileLoader):
    """pytest loads test modules itself, to say more of what they assert: the harness's checks are such modules.

    They get their probes there. What pytest keeps of a module for next time knows nothing of probes, and shall not; what is
    made here is kept for the other processes of this test run.
    """

    def __init__(self, name: str, path: str, place: Path, offsets: dict[str, int]) -> None:
        super().__init__(name, path)
        self.place, self.offsets = place, offsets

    def exec_module(self, module: ModuleType) -> None:
        """pytest's own module, with three functions that look for files of ours first."""
        super().exec_module(module)
        rewrite, kept, keep = module._rewrite_test, module._read_pyc, module._write_pyc
        asserts = module.rewrite_asserts

        def rewrite_asserts(tree: Any, source: bytes, path: str | None = None, config: Any = None) -> None:
            if path in self.offsets:
                from line_probes import with_probes

                with_probes(tree, self.offsets[path])
            asserts(tree, source, path, config)

        def _read_pyc(source: Path, *given: Any) -> Any:
            return None if str(source) in self.offsets else kept(source, *given)

        def _rewrite_test(source: Path, config: Any) -> Any:
            offset = self.offsets.get(str(source))
            if offset is None:
                return rewrite(source, config)
            return None, made(self.place / f"{offset}.rewritten", lambda: rewrite(source, config)[1])

        def _write_pyc(state: Any, code: Any, stat: Any, pyc: Path) -> Any:
            return False if stat is None else keep(state, code, stat, pyc)

        vars(module).update(
            rewrite_asserts=rewrite_asserts,
            _read_pyc=_read_pyc,
            _rewrite_test=_rewrite_test,
            _write_pyc=_write_pyc,
        )


def begin(place: Path) -> None:
    """Modules that are imported from now on note their lines."""
    with (place / "ran").open("r+b") as file:
        builtins.__ran__ = memoryview(mmap.mmap(file.fileno(), 0))  # type: ignore[attr-defined]
    sys.meta_path.insert(0, Finder(place))


if os.environ.get("COVERING"):
    begin(Path(os.environ["COVERING"]))
