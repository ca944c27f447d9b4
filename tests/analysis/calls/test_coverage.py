"""Coverage: of all that was offered, how often each was called, and which calls were refused for their arguments."""

import numpy as np
from msgspec import UNSET

from harness.analysis.calls import coverage
from harness.analysis.calls.calls import Calls
from tests.fakes.runs import MS, rows

OFFERED = [
    {"kind": "tool", "name": "a", "operation": "tools/call:a", "left_out": "", "refused": False},
    {"kind": "tool", "name": "b", "operation": "tools/call:b", "left_out": "", "refused": False},
    {"kind": "tool", "name": "c", "operation": "tools/call:c", "left_out": "it writes", "refused": False},
    {"kind": "resource", "name": "r" * 300, "operation": "resources/read:" + "r" * 300, "left_out": "", "refused": False},
]  # fmt: skip


def test_each_thing_offered_has_its_calls_and_what_was_left_out_its_reason() -> None:
    told = [
        ("tools/call:a", "ok", ""),
        ("tools/call:a", "tool_error", "Input validation error: no"),
        ("tools/call:a", "tool_error", "Database error"),
        ("tools/call:a", "tool_error", "Input validation error: no"),
        (("resources/read:" + "r" * 300)[:120], "ok", ""),
        ("tools/list", "ok", ""),
    ]
    intended = np.arange(len(told), dtype=np.int64) * MS
    frame = rows(
        len(told),
        intended_ns=intended,
        done_ns=intended + MS,
        operation=[one for one, *_ in told],
        outcome=[how for _, how, _ in told],
        detail=[said for *_, said in told],
    )

    found = coverage.measure(Calls.of(frame), OFFERED)

    assert [(one.calls, one.ok, one.failed, one.refused_arguments, one.left_out) for one in found] == [
        (4, 1, 3, 2, None),
        (0, 0, 0, 0, None),
        (0, 0, 0, 0, "it writes"),
        (1, 1, 0, 0, None),
    ]


def test_a_run_of_some_calls_only_has_no_coverage_and_one_without_rows_has_zeros() -> None:
    assert coverage.measure(Calls.of(rows(0)), None) is UNSET
    assert [one.calls for one in coverage.measure(Calls.of(rows(0)), OFFERED)] == [0, 0, 0, 0]
