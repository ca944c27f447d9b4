"""docs/promises.md: each promise has a test, and the test exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "promises.md"


def rows() -> list[list[str]]:
    """The cells of each row of each table, without the heads."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "event"]


def test_every_promise_names_a_test_that_exists() -> None:
    """As `file` or as `file::test`."""
    broken = []
    for row in rows():
        tests = re.findall(r"`([^`]+)`", row[-1])
        if len(row) != 3 or not tests:
            broken.append(f"not event, promise and test: {row}")
        for test in tests:
            path, _, name = test.partition("::")
            text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).is_file() else None
            if text is None or (name and not re.search(rf"def {name}\(", text)):
                broken.append(f"no such test: {test}")

    assert len(rows()) > 30
    assert not broken, "\n".join(broken)


def test_no_event_is_promised_twice() -> None:
    """Two rows would say two things."""
    events = [row[0] for row in rows()]
    assert sorted(set(events)) == sorted(events)
