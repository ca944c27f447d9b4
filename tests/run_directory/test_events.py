"""Events: appended, flushed, and readable after a crash."""

from pathlib import Path

from harness.run_directory.events import EventLog, line, read_events
from tests.fakes.events import event as happened
from tests.fakes.events import name_of


def test_events_read_back_as_they_were_written(tmp_path: Path) -> None:
    """In their order, with their fields, appended to what is there."""
    path = tmp_path / "events.jsonl"
    first, second = (
        happened(1, "step_asked", {"index": 0, "name": "a", "kind": "ramp", "users": 5}),
        happened(2, "run_ended", {"reason": "é"}),
    )
    for event in (first, second):
        with EventLog(path) as log:
            log.write(event)

    assert read_events(path) == [first, second]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A crash in mid-write loses that line only."""
    path = tmp_path / "events.jsonl"
    path.write_text(line(happened(1, "run_started")) + "\n" + '{"at_ns": 2, "ev')

    assert [name_of(event) for event in read_events(path)] == ["run_started"]
    assert read_events(tmp_path / "none.jsonl") == []
