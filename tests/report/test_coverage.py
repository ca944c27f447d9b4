"""The table of coverage: what of an offer was called, and why something was not."""

from typing import Any

import msgspec
import pytest

from harness.report import coverage
from harness.run_directory.results import Covered


class Part(msgspec.Struct):
    """What is read of a summary."""

    coverage: list[Covered] | msgspec.UnsetType = msgspec.UNSET


class Read(msgspec.Struct):
    """What is read of a reading."""

    summary: Part


def one(name: str, kind: str = "tool", *, left_out: str | None = None, **counts: int) -> Covered:
    numbers = {"calls": 0, "ok": 0, "failed": 0, "refused_arguments": 0} | counts
    return Covered(kind=kind, name=name, left_out=left_out, **numbers)


ROWS: list[Covered] = [
    one("write", left_out="it may write"),
    one("add", calls=1200, ok=1100, failed=100, refused_arguments=90),
    one("late"),
    one("memo://{id}", "template", calls=3, ok=3),
]


def test_what_was_called_comes_first_and_all_is_counted() -> None:
    said = coverage.sentence(Part(ROWS))

    assert [row.name for row in coverage.offered(Part(ROWS))] == ["add", "late", "memo://{id}", "write"]
    assert said == (
        "1 of 3 tools and 1 of 1 template answered, 1 left out, 1 not reached in this time, "
        "90 calls refused for their arguments"
    )


@pytest.mark.parametrize("nothing", [msgspec.UNSET, []])
def test_a_run_of_some_calls_only_has_no_such_table(nothing: Any) -> None:
    assert coverage.sentence(Part(nothing)) == ""
    assert coverage.coverage(Read(Part(nothing))) is None


def test_the_table_has_numbers_or_the_reason_and_is_bounded() -> None:
    """More than the page shows are in summary.json, and it is said how many."""
    assert coverage.cells(ROWS[0])[-1] == "it may write"
    assert coverage.cells(ROWS[1]) == ["add", "tool", "1,200", "1,100", "100", "90", ""]
    page = str(coverage.coverage(Read(Part(ROWS * 51))))
    assert "4 more are in summary.json" in page
    assert "more are in" not in str(coverage.coverage(Read(Part(ROWS))))
