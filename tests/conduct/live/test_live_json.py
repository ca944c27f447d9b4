"""live.json: what a run shows while it runs."""

import json
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.conduct.live import live_json
from harness.conduct.live.last_rows import Recent
from harness.conduct.live.last_second import LastSecond
from harness.conduct.live.live_json import LiveSnapshot
from harness.run_directory import directory as rundir

LIVE = LastSecond(65.0, 1.0, 30, 512, 3, 12.5, 40.0, "timeout", {"ok": 512, "timeout": 3})
SHOWN = LiveSnapshot(LIVE, "steady step 7", "steady", ("slow",))
RECENT = Recent(success_rate=0.5, throughput=100.0, failed=9, p50=1.0, p90=2.0, p95=3.0, p99=4.0)


def test_the_file_says_the_step_the_faults_and_the_last_seconds(tmp_path: Path) -> None:
    """Whole, and gone when the run is over."""
    directory = rundir.create(tmp_path, "n", datetime(2026, 1, 1, tzinfo=UTC))
    live_json.publish(directory, SHOWN, RECENT)
    said = json.loads((directory.path / "live.json").read_text())

    assert (said["step"], said["users"], said["faults"]) == ("steady", 30, ["slow"])
    assert said["last_second"]["outcomes"] == {"ok": 512, "timeout": 3}
    assert said["last_second"]["throughput_rps"] == 512.0
    assert (said["last_10s"]["p99_ms"], said["last_10s"]["failed"]) == (4.0, 9)

    live_json.take_down(directory)
    live_json.take_down(directory)
    assert not (directory.path / "live.json").exists()


@pytest.mark.parametrize(
    ("recent", "shown"),
    [(None, None), (replace(RECENT, p50=inf, p90=inf, p95=inf, p99=inf), None)],
)
def test_what_nobody_can_say_is_null(recent: Recent | None, shown: None) -> None:
    """No call ended, or none that was ok: JSON has no infinity."""
    found = live_json.document("r", SHOWN, recent)["last_10s"]

    assert (found and found["p95_ms"]) is shown
    json.dumps(found, allow_nan=False)


def test_a_full_disk_costs_a_look_and_not_the_run(tmp_path: Path) -> None:
    """Nothing is raised."""
    live_json.publish(rundir.RunDirectory(tmp_path / "gone"), SHOWN, RECENT)

    assert list(tmp_path.iterdir()) == []


def test_the_line_of_progress_names_the_faults_that_are_on() -> None:
    """Beside the step."""
    assert SHOWN.headline == "steady step 7  ! slow"
    assert LiveSnapshot(LIVE, "resting", None, ()).headline == "resting"
