"""A user's retries, and those of all users of a worker: which wait, and how many the budget refused.

A user that waits to retry has no call open, and will still make one: until then no step is over (`owed`).
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from locust.user.task import LOCUST_STATE_WAITING
from msgspec import structs

from harness.foundation.units import NS_PER_S
from harness.load.inside.transport.timer import sleep
from harness.load.retry import Policy, RetryBudget, worth_it
from harness.mcp.messages import Reply
from harness.run_directory.spool import Gauges


@dataclass(slots=True)
class WorkerRetries:
    """The retries of all users of one worker."""

    policy: Policy | None
    refused: int = 0  # calls that were not tried again because their user's budget was empty
    due_ns: dict[int, int] = field(default_factory=dict)  # user -> when it will try again

    def gauges(self, gauges: Gauges) -> Gauges:
        """Return the gauges for the spool, with the retries that are still to come."""
        return structs.replace(
            gauges,
            left=gauges.left + len(self.due_ns),
            oldest_open_ns=min(gauges.oldest_open_ns, *self.due_ns.values(), gauges.at_ns),
            retries_refused=self.refused,
        )


class Retrying:
    """The retries of one user."""

    def __init__(self, retries: WorkerRetries, policy: Policy, rng: Random, timeout_s: float) -> None:
        self._retries = retries
        self._policy = policy
        self._rng = rng
        self._timeout_s = timeout_s
        self._budget = RetryBudget(policy.budget)

    def begin(self) -> None:
        """Note that another call was made; it earns a share of the budget."""
        self._budget.earn()

    def wait_s(self, reply: Reply, tried: int) -> float | None:
        """Return how long to wait before the next attempt; None when there is none."""
        if not worth_it(reply) or tried >= self._policy.attempts:
            return None
        if (reply.retry_after_s or 0.0) > self._timeout_s:
            return None
        if not self._budget.spend():
            self._retries.refused += 1
            return None
        return self._policy.wait_s(tried, reply, self._rng)

    def pause(self, user: Any, wait_s: float) -> None:
        """Wait before a retry, whose intended start is the end of the wait.

        The user can be stopped meanwhile.
        """
        due_ns = user.pacing.ready_ns = user.pacing.ready_ns + int(wait_s * NS_PER_S)
        waiting = self._retries.due_ns
        waiting[user.number] = due_ns
        state, user._state = user._state, LOCUST_STATE_WAITING  # noqa: SLF001 - Locust's
        try:
            sleep(max(0.0, (due_ns - user.now_ns()) / NS_PER_S))
        finally:
            del waiting[user.number]
        user._state = state  # noqa: SLF001
