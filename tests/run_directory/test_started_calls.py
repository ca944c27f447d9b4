"""The count of calls that outlives its worker: a real process, really killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.load.inside.users.recorder import Recorder
from harness.run_directory import started_calls
from harness.run_directory.samples import seal, sealed_counts
from harness.run_directory.spool import SpoolFile
from tests.fakes.gauges import gauges
from tests.run_directory.test_spool import call

GAUGES = gauges(5, lag_ms=[0.5], files_open=3)

# It starts 1,000 calls, ends 600 of them, writes the rows of 500, says so, and waits to be killed.
WORKER = """
import sys
from pathlib import Path
from harness.load.inside.users.recorder import Recorder
from harness.run_directory import started_calls as started
from harness.run_directory.spool import SpoolFile
from tests.run_directory.test_started_calls import GAUGES
from tests.run_directory.test_spool import call
place = Path(sys.argv[1])
counter = started.mapped(started.started_path(place, 0))
one = Recorder(SpoolFile(place / "worker-0.spool"), 0, lambda: GAUGES, counter)
for number in range(600):
    call(one)
    if number == 499:
        one.flush()
for _ in range(400):
    one.begin(1)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parts
def test_a_worker_that_is_killed_leaves_the_number_of_its_calls(tmp_path: Path) -> None:
    """Not the number as it was when it last wrote: each of them."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()

    assert started_calls.counts(tmp_path) == {0: 1_000}
    assert seal(tmp_path, tmp_path / "samples.parquet") == 500
    assert sealed_counts(tmp_path / "samples.parquet") == {0: 1_000}


def test_samples_say_that_nobody_counted_and_those_of_old_say_nothing(tmp_path: Path) -> None:
    """The two are not the same: one may have lost calls of workers elsewhere."""
    one = Recorder(SpoolFile(tmp_path / "worker-4.spool"), 4, lambda: GAUGES)
    call(one)
    one.flush(last=True)
    seal(tmp_path, tmp_path / "samples.parquet")

    assert sealed_counts(tmp_path / "samples.parquet") == {}
    assert sealed_counts(tmp_path / "none.parquet") is None


def test_where_memory_cannot_be_a_file_s_no_file_says_nought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nought would be taken for the truth."""

    def refused(*_: object) -> None:
        raise OSError("No such device")

    monkeypatch.setattr(started_calls.mmap, "mmap", refused)
    counter = started_calls.mapped(started_calls.started_path(tmp_path, 0))
    counter[0] = 5

    assert counter[0] == 5
    assert started_calls.counts(tmp_path) == {}


def test_a_file_that_is_no_counter_is_not_read(tmp_path: Path) -> None:
    """Cut short, or somebody else's."""
    started_calls.started_path(tmp_path, 0).write_bytes(b"1234")
    (tmp_path / "worker-x.started").write_bytes(bytes(8))

    assert started_calls.counts(tmp_path) == {}
