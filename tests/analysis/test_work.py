"""Work lost or done twice, from lines with known answers."""

from typing import Any

import pytest

from harness.analysis.work import Work, measure


def wrote(entry: str, outcome: str = "ok") -> dict[str, Any]:
    return {"entry": entry, "sent_ns": 1, "done_ns": 2, "outcome": outcome}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([wrote("a"), {"found": ["a"]}], (1, 0, 0, 0, 0)),
        ([wrote("a"), wrote("b"), {"found": ["b"]}], (2, 1, 0, 0, 0)),
        ([wrote("a"), {"found": ["a", "a"]}], (1, 0, 1, 0, 0)),
        ([wrote("a", "timeout"), wrote("b", "reset"), {"found": ["b"]}], (0, 0, 0, 2, 1)),
        ([wrote("a", "timeout"), {"found": ["a", "a", "a"]}], (0, 0, 1, 1, 1)),
        ([{"found": []}], (0, 0, 0, 0, 0)),
    ],
)
def test_every_promise_is_kept_once_or_counted(
    lines: list[dict[str, Any]], expected: tuple[int, ...]
) -> None:
    """Acknowledged, missing, duplicated, indeterminate, kept."""
    names = ("acknowledged", "missing", "duplicated", "indeterminate", "kept")

    found = measure(lines)
    assert isinstance(found, Work)
    assert tuple(getattr(found, name) for name in names) == expected


def test_when_it_was_acknowledged_is_kept() -> None:
    """So that a loss can be put beside what happened then; what nobody wrote has no time."""
    lines = [wrote("a"), wrote("b") | {"done_ns": 7}, wrote("c", "reset"), {"found": ["a", "a", "x", "x"]}]
    found = measure(lines)

    assert isinstance(found, Work)
    assert (found.acknowledged_ns, found.missing_ns, found.duplicated_ns) == ((2, 7), (7,), (2,))


def test_what_could_not_be_read_back_is_not_known() -> None:
    """Neither lost nor kept; and where nothing was written nothing is asked."""
    assert measure([]) is None
    assert measure([wrote("a"), {"unread": "connect: refused"}]) == (
        "what was acknowledged could not be read back: connect: refused"
    )
    assert "the run ended before" in str(measure([wrote("a")]))


def task(name: str | None, outcome: str = "ok") -> dict[str, Any]:
    return {"task": name, "sent_ns": 1, "done_ns": 2, "outcome": outcome}


def test_tasks_and_records_are_counted_beside_the_entries() -> None:
    """A task finishes once, with one effect; an entry has the record of the call that wrote it."""
    lines = [
        *(wrote(entry) for entry in "abc"),
        *(task(name) for name in ("once", "twice", "never", "gone", "effects")),
        task(None, "http_status"),
        task(None, "unfinished"),
        {"found": ["a", "b", "c"]},
        {"executed": {"a": 1, "b": 0, "c": 2}},
        {"finished": {"once": [1, 1], "twice": [2, 1], "never": [0, 0], "effects": [1, 2]}},
    ]

    found = measure(lines)

    assert isinstance(found, Work)
    counts = ("acknowledged", "missing", "duplicated", "indeterminate")
    assert found.as_row() == dict(zip(counts, (3, 0, 0, 0), strict=True)) | {
        "tasks": dict(zip(counts, (5, 2, 2, 2), strict=True)),
        "executions": dict(zip(counts, (3, 1, 1, 0), strict=True)),
    }
    assert found.broken_promises() == [
        "2 of 5 acknowledged tasks did not finish",
        "2 tasks finished more than once",
        "1 of 3 acknowledged entries have no record of their execution",
        "1 entries have several records",
    ]


def test_a_target_without_records_has_none_and_records_that_cannot_be_read_are_not_known() -> None:
    """Of somebody's server nobody can say."""
    sound = [wrote("a"), {"found": ["a"]}]

    found = measure(sound)
    assert isinstance(found, Work)
    assert (found.tasks, found.executions, found.broken_promises()) == (None, None, [])
    assert measure([*sound, {"unrecorded": "OSError: refused"}]) == (
        "the records of what was acknowledged could not be read: OSError: refused"
    )
