"""Errors: whose fault, and which exit code wins."""

import itertools
from pathlib import Path

import pytest

from harness.foundation import errors


def test_when_several_codes_apply_the_contract_s_order_decides() -> None:
    """130, 6, 70, 5, 4, 2, 3, 1, 8, 0: the earlier one wins, in every pair."""
    order = [130, 6, 70, 5, 4, 2, 3, 1, 8, 0]
    for first, second in itertools.combinations(order, 2):
        assert errors.worst(second, first) == first


def test_an_unknown_code_is_a_bug() -> None:
    """Nothing passes by accident."""
    assert errors.worst(42) == errors.INTERNAL


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError, 2),
        (errors.UntrustedError, 3),
        (errors.TargetUnreachableError, 4),
        (errors.FaultBackendUnreachableError, 5),
        (errors.FaultsLeftOverError, 6),
        (errors.ServiceError, 70),
    ],
)
def test_each_error_carries_its_exit_code_and_its_three_lines(
    error: type[errors.HarnessError], code: int
) -> None:
    """What, why, what to do; empty lines are left out."""
    raised = error("what", "", "do this")

    assert (raised.exit_code, str(raised)) == (code, "what\ndo this")


@pytest.mark.parametrize(
    ("part", "returncode", "code"),
    [
        ("target", 1, 4),
        ("target-2", 4, 4),
        ("target", None, 4),
        ("toxiproxy", 2, 5),
        ("postgres", 1, 3),
        ("janitor", 1, 3),
        ("locust-master", 1, 3),
        ("", 127, 3),
        ("target", -9, 3),
        ("toxiproxy", -15, 3),
    ],
)
def test_a_part_that_does_not_start_is_no_bug(part: str, returncode: int | None, code: int) -> None:
    """The server under test is not there, nor what applies faults; without another part nothing can be measured."""
    assert errors.not_started(returncode, part).exit_code == code


def test_a_log_is_named_as_long_as_it_is_there(tmp_path: Path) -> None:
    """It may be in a temporary directory that goes before the error is shown."""
    log = tmp_path / "part.log"
    log.touch()
    raised = errors.ServiceError("what", "why", "do this", log)
    assert raised.lines() == ["what", "why", f"do this (see {log})"]
    log.unlink()
    assert str(raised) == "what\nwhy\ndo this"
    assert raised.said_as(errors.TargetNotStartedError).lines() == ["what", "why", "do this"]
