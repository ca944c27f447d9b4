"""Standard output that is closed or full: no traceback, and the exit code that is right."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import report
from tests.fakes.runs import ramp

pytestmark = pytest.mark.parts

FULL = Path("/dev/full")


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has failed an objective."""
    run = ramp(objectives=["p95 < 1ms"]).write(tmp_path_factory.mktemp("runs") / "failed")
    assert report.write_all(run).summary.exit_code == 1
    return run


def harness(*argv: str, out: int, err: int = subprocess.PIPE) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "harness", *argv], stdout=out, stderr=err, text=True, check=False
    )
    return done.returncode, done.stderr or ""


def test_a_reader_that_has_gone_changes_no_exit_code(failed: Path) -> None:
    """`harness report RUN | head -0`: 1 stays 1, and nobody is told; standard error may be gone as well."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert harness("report", str(failed), out=writing) == (1, "")
        assert harness("plan", "nowhere.yaml", out=writing, err=writing) == (2, "")
    finally:
        os.close(writing)


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_result_that_cannot_be_written_is_no_pass(failed: Path) -> None:
    """In three lines; a failure stays one."""
    with FULL.open("w") as full:
        code, told = harness("--help", out=full.fileno())
        assert (code, len(told.splitlines())) == (3, 3)
        assert told.startswith("Error: The result could not be written\n  No space left on device\n")
        assert harness("report", str(failed), out=full.fileno())[0] == 1


def test_streams_that_are_closed_are_nothing_at_all(failed: Path, tmp_path: Path) -> None:
    """`>&- 2>&-`: no file of the run becomes standard output."""
    code = "import os; os.close(1); os.close(2); os.execv({0!r}, [{0!r}, '-m', 'harness', 'report', {1!r}, '--out', {2!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code.format(sys.executable, str(failed), str(tmp_path))], check=False
    )

    assert done.returncode == 1
    assert (tmp_path / "summary.json").read_text(encoding="utf-8").startswith("{")
