"""What a test may take for the machine's doing, of all that a run can end unknown for."""

import pytest

from tests.e2e.disturbed import TOO_SOON, assert_only_the_machine

SATURATED = "the load generator was saturated: it added 1.4 ms to a p50 of 5.4 ms"
STALLED = (
    "the harness and worker 0 did not run for 3.1 s, 2.0 s into the run (stopped, or the machine paused)"
)
SOON = "whether the service recovered from nap is unknown: only 4 s of measured load came before it, and 5 s are needed"
LOST = "3 of 900 calls that were started have no row"


@pytest.mark.parametrize(
    ("code", "reasons", "must", "may"),
    [
        (0, [], "", ""),
        (3, [SATURATED], "", ""),
        (3, [STALLED, SATURATED], "", ""),
        (3, [SOON], TOO_SOON, ""),
        (3, [SOON, SATURATED], TOO_SOON, ""),
        (1, ["most calls failed: 10%"], "most calls failed: ", ""),
        (0, [], "", "most calls failed: "),
    ],
)
def test_the_machine_and_what_the_test_does_are_reasons(
    code: int, reasons: list[str], must: str, may: str
) -> None:
    """Each alone, and together."""
    assert_only_the_machine(code, reasons, "", must=must, may=may)


@pytest.mark.parametrize(
    ("code", "reasons", "must", "may"),
    [
        (3, [LOST], "", ""),
        (3, [SATURATED, LOST], "", ""),
        (3, [], "", ""),
        (1, [SATURATED], "", ""),
        (70, [SATURATED], "", ""),
        (0, [SATURATED], "", ""),
        (0, [], TOO_SOON, ""),
        (3, [SATURATED], TOO_SOON, ""),
        (3, [LOST], "", TOO_SOON),
    ],
)
def test_nothing_else_is_one(code: int, reasons: list[str], must: str, may: str) -> None:
    """Lost rows, a code without a reason, a reason without its code, what had to be said and was not."""
    with pytest.raises(AssertionError):
        assert_only_the_machine(code, reasons, "", must=must, may=may)
