"""Events: appended, flushed, and readable after a crash."""

from pathlib import Path

from harness.run_directory.events import Event, EventLog, read_events


def test_events_read_back_as_they_were_written(tmp_path: Path) -> None:
    """In their order, with their fields, appended to what is there."""
    path = tmp_path / "events.jsonl"
    first, second = Event(1, "step_asked", {"users": 5}), Event(2, "run_ended", {"reason": "é"})
    for event in (first, second):
        with EventLog(path) as log:
            log.write(event)

    assert read_events(path) == [first, second]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A crash in mid-write loses that line only."""
    path = tmp_path / "events.jsonl"
    path.write_text(Event(1, "a", {}).line() + "\n" + '{"at_ns": 2, "ev')

    assert [event.event for event in read_events(path)] == ["a"]
    assert read_events(tmp_path / "none.jsonl") == []
