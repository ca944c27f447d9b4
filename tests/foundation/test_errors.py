"""Errors: whose fault, and which exit code wins."""

import itertools

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
