"""When a client tries again: what for, after how long, and what its budget allows."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.retry import SAVED_MOST, Policy, RetryBudget, retry_after_s, worth_it
from harness.mcp import outcome
from harness.mcp.messages import Reply

POLICY = Policy(attempts=5, backoff_s_first=0.1, backoff_s_most=1.0, budget=0.2)
TRIED_AGAIN = {
    "connect", "reset", "disconnected", "stream_ended", "truncated", "timeout", "rate_limited",
}  # fmt: skip


@pytest.mark.parametrize("ended", outcome.ALL)
def test_only_what_may_end_better_is_tried_again(ended: str) -> None:
    """What a server has decided it would decide again; a busy one may be less busy."""
    assert worth_it(Reply(ended)) == (ended in TRIED_AGAIN)


@pytest.mark.parametrize(
    ("status", "again"), [(500, False), (501, False), (502, True), (503, True), (504, True), (404, False)]
)
def test_of_the_statuses_those_of_a_busy_server_are_tried_again(status: int, again: bool) -> None:
    """502, 503 and 504; a bug (500) stays one."""
    assert worth_it(Reply(outcome.HTTP_STATUS, "", status)) is again


@given(st.integers(1, 20), st.integers())
def test_a_wait_is_drawn_from_nothing_to_a_limit_that_doubles(tried: int, seed: int) -> None:
    """Full jitter: whoever failed together comes back apart."""
    wait_s = POLICY.wait_s(tried, Reply(outcome.RESET), random.Random(seed))

    assert 0 <= wait_s <= min(1.0, 0.1 * 2 ** (tried - 1))


def test_the_waits_use_all_of_their_range() -> None:
    """Not half of it, and not its end."""
    rng = random.Random(1)
    waits_s = [POLICY.wait_s(3, Reply(outcome.RESET), rng) for _ in range(1000)]

    assert min(waits_s) < 0.02
    assert max(waits_s) > 0.38


def test_whoever_is_told_when_to_come_back_comes_no_earlier() -> None:
    """The server knows better."""
    reply = Reply(outcome.RATE_LIMITED, "429", 429, retry_after_s=7.0)

    assert POLICY.wait_s(1, reply, random.Random(1)) == 7.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3", 3.0), (" 0 ", 0.0), ("", None), ("-1", None), ("1.5", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None),
     ("9" * 40, None), ("٣", None)],
)  # fmt: skip
def test_only_whole_seconds_are_understood(text: str, seconds: float | None) -> None:
    """A date would need the server's clock."""
    assert retry_after_s(text) == seconds


@given(st.floats(0.01, 1.0), st.lists(st.integers(0, 5), max_size=300))
def test_a_budget_bounds_what_a_failing_server_gets_on_top(share: float, wanted: list[int]) -> None:
    """However many retries each call wants: 1 + share x calls, and never more than what is saved at once."""
    budget = RetryBudget(share)
    spent = 0
    for retries in wanted:
        budget.earn()
        now = sum(budget.spend() for _ in range(retries))
        assert now <= SAVED_MOST
        spent += now

    assert spent <= 1 + share * len(wanted) + 1e-6


def test_without_a_budget_only_the_attempts_count() -> None:
    """A naive client."""
    budget = RetryBudget(None)
    budget.earn()

    assert all(budget.spend() for _ in range(1000))


def test_a_policy_is_what_the_worker_was_told() -> None:
    """It travels as JSON."""
    told = {"attempts": 5, "backoff_s_first": 0.1, "backoff_s_most": 1.0, "budget": 0.2}

    assert Policy.of(told) == POLICY
    assert Policy.of(None) is None
