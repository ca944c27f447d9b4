"""The package is built with the module in C where there is a compiler, and without it where there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def compiled(place: Path, compiler: str) -> subprocess.CompletedProcess[str]:
    """By a copy of what the build runs."""
    target = place / "harness/load/inside/native"
    target.mkdir(parents=True)
    shutil.copy(ROOT / "harness/load/inside/native/wire.c", target)
    shutil.copy(ROOT / "hatch_build.py", place)
    environment = os.environ | {"CC": compiler}
    command = [sys.executable, str(place / "hatch_build.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=100)


@pytest.mark.parts
@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc: apt-get install gcc")
def test_a_compiler_makes_the_module_without_a_warning(tmp_path: Path) -> None:
    """As anybody's build would; it carries the hash of its source."""
    done = compiled(tmp_path, "gcc -Werror")

    assert (done.returncode, done.stderr) == (0, "")
    assert [path.suffix for path in (tmp_path / "harness/load/inside/native").glob("_wire*")] == [".so"]


@pytest.mark.parts
def test_without_a_compiler_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """The build itself goes on."""
    done = compiled(tmp_path, "/nowhere/cc")

    assert done.returncode == 1
    assert done.stderr.startswith("the fast lane was not compiled: ")
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "harness/load/inside/native").iterdir()] == ["wire.c"]
