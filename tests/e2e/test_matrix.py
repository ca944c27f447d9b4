"""The resilience matrix as a user runs it: what is broken is named, what is sound is not, and Ctrl-C loses nothing."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EMBEDDED
from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.leftovers import assert_nothing_left
from tests.waiting import until

Start = Callable[..., Any]
QUICK = ("chaos", "--matrix", "--before", "4s", "--for", "2s", "--after", "3s", "--json")


def test_a_target_that_is_broken_on_purpose_is_named_for_it(
    harness: Start, on_path: str, tmp_path: Path
) -> None:
    """Killed while its database is slow, it loses what it had acknowledged, and the sessions that it kept."""
    command = harness(
        *QUICK,
        "--only",
        "kill-with-slow-database",
        "--target-options",
        "--break ack-before-commit --break sessions-in-memory",
        PATH=on_path,
        **EMBEDDED,
    )
    assert_no_reason_but_the_machine(
        command,
        must="the fault kill-with-slow-database broke the service: ",
        may=r"\d+ of \d+ acknowledged entries ",
        within_s=150,
    )

    summary = command.summary()
    (row,) = summary["matrix"]["rows"]
    assert (row["outcome"], row["faults"]) == (
        "broke",
        ["kill-with-slow-database.latency", "kill-with-slow-database"],
    )
    assert summary["work"]["missing"] == row["work"]["missing"] > 0
    assert row["sessions_lost"] > 0
    names = [one["name"] for one in summary["matrix"]["weaknesses"]]
    assert names == ["ack-before-commit", "sessions-in-memory"]
    assert_nothing_left(Path(summary["run_dir"]), tmp_path)


@pytest.mark.long
def test_a_sound_target_has_no_name_and_what_was_measured_before_ctrl_c_is_kept(
    harness: Start, on_path: str, tmp_path: Path
) -> None:
    """A restart loses no session and no work; the row that was interrupted is unknown, and the run says so."""
    command = harness(*QUICK, "--only", "restart-target,kill-with-slow-database", PATH=on_path, **EMBEDDED)
    run = command.wait_for_event("fault_healed", 150)
    until(lambda: "kill-with-slow-database" in (run / "events.jsonl").read_text(), within_s=90)
    command.signal(signal.SIGINT)
    assert command.wait(60) == 130

    summary = command.summary()
    restart, kill = summary["matrix"]["rows"]
    assert (restart["sessions_lost"], restart["work"]) == (0, {"missing": 0, "duplicated": 0})
    assert restart["outcome"] != "not_exposed"
    for one in (summary["work"], summary["work"]["tasks"], summary["work"]["executions"]):
        assert one["acknowledged"] > 0
        assert (one["missing"], one["duplicated"]) == (0, 0)
    assert kill["outcome"] == "unknown"
    assert summary["matrix"]["weaknesses"] == []
    assert "Resilience" in (run / "report.html").read_text()
    assert_nothing_left(run, tmp_path)
