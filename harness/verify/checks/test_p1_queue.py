"""Is its queue there, does it survive a crash, and does somebody take what is in it?"""

from collections.abc import Callable

import pytest

from harness.verify.backends.queue import Queue, QueueState
from harness.verify.backends.structure import shown
from harness.verify.finding import fail, skip, undecided

pytestmark = pytest.mark.queue
CONSUMED_S = 15.0  # the management API counts every five seconds


def test_its_queue_is_there(queue: Queue) -> None:
    """By the name that verify.yaml gives."""
    _there(queue)


def test_its_queue_survives_a_crash_of_its_broker(queue: Queue) -> None:
    """It is durable."""
    if not queue.spec.durable:
        skip("verify.yaml says that it need not be durable", "verify.yaml: queue {durable: true}")
    state = _there(queue)
    if state.durable is None:
        undecided(f"{state.by} does not say whether {shown(queue.name)} is durable: give queue.management")
    if not state.durable:
        fail(
            f"the queue {shown(queue.name)} is not durable: a crash of its broker loses it with its messages"
        )


def test_its_queue_is_consumed(queue: Queue, eventually: Callable[..., object]) -> None:
    """By as many consumers as verify.yaml says, one at least."""
    wanted = queue.spec.consumers
    if not wanted:
        skip("verify.yaml says that it needs no consumers", "verify.yaml: queue {consumers: 1}")
    _there(queue)
    counted = [0]

    def enough() -> bool:
        counted[0] = queue.look().consumers
        return counted[0] >= wanted

    awaited = f"{wanted} consumer{'s' if wanted > 1 else ''} of the queue {shown(queue.name)}"
    eventually(enough, awaited, CONSUMED_S, state=lambda: f"{counted[0]} consumers")


def _there(queue: Queue) -> QueueState:
    state = queue.look()
    if not state.there:
        fail(f"there is no queue {shown(queue.name)} (by {state.by})")
    return state
