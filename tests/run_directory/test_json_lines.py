"""A file of JSON lines: what can be read, and which lines cannot."""

from pathlib import Path

import pytest

from harness.run_directory.json_lines import read_lines

GOOD = b'{"a": 1}'


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\x00\x01",
        b"\xff\xfe",
        b"{",
        b"[1]",
        b"7",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_object_is_told_by_its_number(tmp_path: Path, bad: bytes) -> None:
    """It is not skipped in silence, and raises nothing."""
    path = tmp_path / "some.jsonl"
    path.write_bytes(GOOD + b"\n" + bad + b"\n" + GOOD + b"\n")

    lines = read_lines(path)

    assert lines.objects == ({"a": 1}, {"a": 1})
    assert lines.why() == ["line 2 of some.jsonl cannot be read"]


def test_many_damaged_lines_are_told_in_one_sentence(tmp_path: Path) -> None:
    """The first three, and how many more."""
    path = tmp_path / "some.jsonl"
    path.write_bytes(b"x\n" * 5)

    assert read_lines(path).why() == ["lines 1, 2, 3 and 2 more of some.jsonl cannot be read"]


@pytest.mark.parametrize(("last", "objects"), [(b'{"a"', 1), (b'{"a": 2}', 2), (b"", 1)])
def test_a_last_line_without_its_end_is_torn_and_no_damage(tmp_path: Path, last: bytes, objects: int) -> None:
    """The writer was killed in mid-write, or before it had written the end of the line."""
    path = tmp_path / "some.jsonl"
    path.write_bytes(GOOD + b"\n" + last)

    lines = read_lines(path)

    assert (len(lines.objects), lines.why()) == (objects, [])


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    """Nor is anything wrong with it."""
    assert read_lines(tmp_path / "none.jsonl").objects == ()
