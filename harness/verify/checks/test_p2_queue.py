"""Can what waits in its queue be seen? An operator who sees no backlog does not know that work is late."""

import pytest

from harness.verify.backends.fixtures import HeldTask
from harness.verify.finding import fail, skip

pytestmark = pytest.mark.queue


def test_what_waits_is_seen_by_amqp(held_task: HeldTask) -> None:
    """With the workers stopped: a passive declaration counts it, where there is no management API."""
    if held_task.persistent is None:
        skip(
            "verify.yaml does not give the AMQP address of its queue",
            "verify.yaml: queue {url: '${AMQP_URL}', name}",
        )
    if held_task.waiting <= held_task.waiting_before:
        fail(
            f"{held_task.waiting_before} messages waited before a task was submitted, {held_task.waiting} after it"
        )
