"""A command that puts things right: run by the janitor, which has it in its environment, and by nobody else."""

import pytest

from harness.services.cleanup.leftover_commands import undo_command

pytestmark = pytest.mark.parts

ENTRY = {"variable": "HARNESS_VERIFY_TEST", "told": "tasks.resume of verify.yaml"}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("true", None),
        ('test -z "$HARNESS_VERIFY_TEST$HARNESS_CHILD_OF"', None),
        ("exit 3", "exit code 3; run it by hand: tasks.resume of verify.yaml"),
        ("", "run it by hand: tasks.resume of verify.yaml"),
    ],
)
def test_it_is_run_without_what_is_ours(
    command: str, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_VERIFY_TEST", command)

    assert undo_command(ENTRY) == problem


def test_nothing_that_is_found_in_a_file_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a command itself, nor a variable that is not ours."""
    monkeypatch.setenv("EDITOR", "exit 0")

    assert undo_command({"variable": "EDITOR", "told": "it", "command": "true"}) == "run it by hand: it"
