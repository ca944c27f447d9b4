"""A part that is gone, and what goes wrong without it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.conduct.watched_parts import Parts
from harness.foundation.clock import FakeClock, RunClock
from harness.foundation.errors import HarnessError, NoRoomError, PartGoneError, TargetUnreachableError
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import Ended
from tests.fakes.events import data_of

KILLED = "killed by signal 9 (SIGKILL)"


@pytest.fixture
def parts(tmp_path: Path) -> Any:
    """Those of a run that has a log and a terminal."""
    clock = FakeClock()
    notes: list[str] = []
    run: Any = SimpleNamespace(
        clock=RunClock.of(clock),
        log=EventLog(tmp_path / "events.jsonl"),
        progress=SimpleNamespace(note=notes.append),
        notes=notes,
        path=tmp_path / "events.jsonl",
    )
    yield Parts(run)
    run.log.lines.close()


def meets(parts: Parts, error: HarnessError) -> HarnessError:
    """What becomes of an error."""
    with pytest.raises(HarnessError) as met, parts.blamed():
        raise error
    return met.value


def test_what_goes_wrong_without_a_part_is_its_doing(parts: Parts) -> None:
    """Exit 3, not 4: the target is not to blame; a full disk is still a full disk."""
    unreachable, full = TargetUnreachableError("it does not answer"), NoRoomError("the disk is full")
    assert meets(parts, unreachable) is unreachable

    parts.ended(Ended("postgres", 7, KILLED))
    found = meets(parts, unreachable)
    assert isinstance(found, PartGoneError)
    assert (found.exit_code, found.__cause__) == (3, unreachable)
    assert found.why == f"PostgreSQL ended by itself 0.0 s into the run: {KILLED}"
    assert meets(parts, full) is full


@pytest.mark.parametrize("one", [Ended("janitor", 7, KILLED, replaced=True), Ended("janitor", 7, KILLED)])
def test_the_janitor_is_named_and_is_nobody_s_excuse(parts: Parts, one: Ended) -> None:
    """Whether it was replaced is written down."""
    parts.ended(one)
    unreachable = TargetUnreachableError("it does not answer")

    assert meets(parts, unreachable) is unreachable
    run: Any = parts.run
    (event,) = read_events(run.path)
    assert data_of(event).get("replaced", False) == one.replaced
    assert ("and was replaced" in run.notes[0]) == one.replaced
