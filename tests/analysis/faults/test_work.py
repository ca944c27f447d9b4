"""Work lost or done twice, from lines with known answers."""

from typing import Any

import pytest

from harness.analysis.faults.work import WorkOutcome, findings, measure
from harness.report import work_entries
from tests.fakes.results import plain


def wrote(entry: str, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {"entry": entry, "sent_ns": 1, "done_ns": 2, "outcome": outcome, **more}


def judged(found: WorkOutcome | None) -> list[tuple[str, bool, str]]:
    return [(one.outcome, one.certain, one.reason) for one in findings(found)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([wrote("a"), {"found": ["a"]}], (1, 0, 0, 0, 0)),
        ([wrote("a"), wrote("b"), {"found": ["b"]}], (2, 1, 0, 0, 0)),
        ([wrote("a"), {"found": ["a", "a"]}], (1, 0, 1, 0, 0)),
        ([wrote("a", "timeout"), wrote("b", "reset"), {"found": ["b"]}], (0, 0, 0, 2, 1)),
        ([wrote("a", "timeout"), {"found": ["a", "a", "a"]}], (0, 0, 1, 1, 1)),
        ([wrote("a", "tool_error"), wrote("b", "connect"), {"found": []}], (0, 0, 0, 0, 0)),
        ([{"found": []}], (0, 0, 0, 0, 0)),
    ],
)
def test_every_promise_is_kept_once_or_counted(
    lines: list[dict[str, Any]], expected: tuple[int, ...]
) -> None:
    """Acknowledged, missing, duplicated, indeterminate, kept."""
    names = ("acknowledged", "missing", "duplicated", "indeterminate", "kept")

    found = measure(lines)
    assert isinstance(found, WorkOutcome)
    assert tuple(getattr(found, name) for name in names) == expected


def test_when_it_was_acknowledged_is_kept() -> None:
    """So that a loss can be put beside what happened then; what nobody wrote has no time."""
    lines = [wrote("a"), wrote("b") | {"done_ns": 7}, wrote("c", "reset"), {"found": ["a", "a", "x", "x"]}]
    found = measure(lines)

    assert isinstance(found, WorkOutcome)
    assert (found.acknowledged_ns, found.missing_ns, found.duplicated_ns) == ((2, 7), (7,), (2,))


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        (wrote("a", "connect"), True),
        (wrote("a", "timeout", sent=False), True),  # no session could be opened
        (wrote("a", "tool_error"), True),
        (wrote("a", "rpc_error"), True),
        (wrote("a", "rate_limited", status=429), True),
        (wrote("a", "session_lost"), True),
        (wrote("a", "http_status", status=500), True),
        (wrote("a", "http_status", status=503), True),
        (wrote("a", "http_status", status=502), False),
        (wrote("a", "http_status", status=504), False),
        (wrote("a", "timeout"), False),
        (wrote("a", "reset"), False),
        (wrote("a", "disconnected"), False),
        (wrote("a", "truncated"), False),
        (wrote("a", "bad_body"), False),
        (wrote("a", "unfinished"), False),
    ],
)
def test_what_was_not_acknowledged_was_refused_or_sent_and_not_answered(
    line: dict[str, Any], refused: bool
) -> None:
    """An error is an answer, and what was never delivered cannot be there; of the rest nobody knows."""
    found = measure([line, {"found": []}])

    assert found is not None
    assert (found.refused, found.indeterminate) == (int(refused), int(not refused))


def test_an_entry_that_was_refused_and_is_there_breaks_no_promise() -> None:
    """An error promises nothing, not even that nothing was done."""
    found = measure([wrote("a"), wrote("b", "tool_error"), {"found": ["a", "b"]}])

    assert found is not None
    assert (found.refused, found.kept, judged(found)) == (1, 1, [])


def test_a_run_in_which_every_write_was_refused_has_shown_nothing() -> None:
    """It is unknown, and says what the server said."""
    lines = [wrote(str(number), "tool_error", detail="disk full") for number in range(48)]
    found = measure([*lines, {"found": []}])

    assert found is not None
    reason = (
        "no entry was acknowledged, so durability was not tested: 48 were refused (tool_error: disk full)"
    )
    assert judged(found) == [("unknown", False, reason)]
    assert work_entries.told(found.result()) == "0 entries acknowledged; 48 refused (tool_error: disk full)"


def test_the_commonest_answers_are_told_first() -> None:
    """Each with its commonest detail."""
    lines = [wrote(str(number), "tool_error", detail="disk full") for number in range(3)]
    lines += [wrote("x", "tool_error", detail="other"), wrote("y", "connect")]

    found = measure([*lines, {"found": []}])
    assert found is not None
    assert found.refusals == "4 times tool_error: disk full; 1 times connect"


def test_acknowledged_data_that_the_server_cannot_give_back_is_missing_for_certain() -> None:
    """It answers, so it is there, and says that it cannot; what had been read before is not missing."""
    lines = [*(wrote(entry) for entry in "abc"), {"unread": "tool_error: bad JSON", "answered": True}]
    found = measure([lines[0], *lines[1:3], lines[3] | {"seen": ["a"]}])

    assert found is not None
    assert (found.acknowledged, found.missing, found.duplicated) == (3, 2, None)
    assert found.missing_ns == (2, 2)
    reason = "2 acknowledged entries could not be read back: the server answers tool_error: bad JSON"
    assert judged(found) == [("fail", True, reason)]
    assert work_entries.told(found.result()) == (
        "3 entries acknowledged, 2 of them could not be read back: the server answers tool_error: bad JSON"
    )


def test_what_could_not_be_read_back_at_all_is_not_known_and_still_counted() -> None:
    """Neither lost nor kept; and where nothing was written nothing is asked."""
    assert measure([]) is None
    found = measure([wrote("a"), wrote("b", "timeout"), {"unread": "connect: refused"}])
    assert found is not None
    assert (found.acknowledged, found.missing, found.duplicated, found.indeterminate) == (1, None, None, 1)
    assert judged(found) == [
        ("unknown", False, "1 acknowledged entry could not be read back: connect: refused")
    ]
    assert work_entries.told(found.result()) == (
        "1 entry acknowledged, and it is unknown whether they are stored: connect: refused; 1 not answered"
    )
    assert "the run ended before" in judged(measure([wrote("a")]))[0][2]


def task(name: str | None, outcome: str = "ok") -> dict[str, Any]:
    return {"task": name, "sent_ns": 1, "done_ns": 2, "outcome": outcome}


def test_tasks_and_records_are_counted_beside_the_entries() -> None:
    """A task finishes once, with one effect; an entry has the record of the call that wrote it."""
    lines = [
        *(wrote(entry) for entry in "abc"),
        *(task(name) for name in ("once", "twice", "never", "gone", "effects")),
        task(None, "http_status") | {"status": 503},
        task(None, "unfinished"),
        {"found": ["a", "b", "c"]},
        {"executed": {"a": 1, "b": 0, "c": 2}},
        {"finished": {"once": [1, 1], "twice": [2, 1], "never": [0, 0], "effects": [1, 2]}},
    ]

    found = measure(lines)

    assert isinstance(found, WorkOutcome)
    counts = ("acknowledged", "missing", "duplicated", "indeterminate", "refused")
    assert plain(found.result()) == dict(zip(counts, (3, 0, 0, 0, 0), strict=True)) | {
        "refused_why": None,
        "unread": None,
        "tasks": dict(zip(counts, (5, 2, 2, 1, 1), strict=True)),
        "executions": dict(zip(counts, (3, 1, 1, 0, 0), strict=True)),
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
    assert isinstance(found, WorkOutcome)
    assert (found.tasks, found.executions, found.broken_promises()) == (None, None, [])
    unrecorded = "the records of what was acknowledged could not be read: OSError: refused"
    assert judged(measure([*sound, {"unrecorded": "OSError: refused"}])) == [("unknown", False, unrecorded)]
