"""Real processes, whose wall clock is set back and forward by an hour, again and again."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.disturbed import assert_no_reason_but_the_machine

# Every Python of the run begins with this: two seconds of each clock, right, an hour ahead, an hour behind. (What the kernel
# stamps is compared with time_ns, and both are set together: tests/load/inside/users/test_selfwatch.py.)
SET = """
import time
true_s, monotonic_s = time.time, time.monotonic
time.time = lambda: true_s() + (0, 3600, -3600)[int(monotonic_s() / 2) % 3]
"""


def test_a_run_whose_wall_clock_is_set_goes_on_to_its_end(
    harness: Callable[..., Any], tmp_path: Path
) -> None:
    """No part takes the other for silent, and the step is as long as was asked for."""
    (tmp_path / "sitecustomize.py").write_text(SET)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    load = ("--rate", "20/s", "--for", "9s", "--call", "list_databases")
    command = harness("rate", *load, "--json", PYTHONPATH=path)
    run = command.wait_for_event("run_ended")

    assert_no_reason_but_the_machine(command)
    summary = command.summary()
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert [one["reason"] for one in events if one["event"] == "run_ended"] == ["completed"]
    assert not {"worker_lost", "part_lost", "stalled"} & {one["event"] for one in events}
    assert 7 < summary["steps"][0]["end_s"] - summary["steps"][0]["start_s"] < 9
    assert 9 <= summary["duration_s"] < 600
    assert summary["latency_ms"]["response"]["max"] < 60_000
