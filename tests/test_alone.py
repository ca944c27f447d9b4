"""What is forgiven, and what is not."""

from pathlib import Path

import pytest

from tests import alone


@pytest.mark.parametrize(
    ("body", "named", "expected"),
    [
        ("True", 1, True),
        ("False", 1, False),
        ("True", 0, False),
        ("True", alone.MOST + 1, False),
    ],
)
def test_only_a_few_that_pass_alone_are_forgiven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, named: int, expected: bool
) -> None:
    """One that is broken fails twice; many are no accident; nothing that failed without a test is excused."""
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    assert {body}\n")
    monkeypatch.chdir(tmp_path)
    assert alone.forgiven(["test_it.py::test_it"] * named) is expected
