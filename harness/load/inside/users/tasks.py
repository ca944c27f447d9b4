"""Locust's loop over a user's tasks, without what it costs when there is nothing to wait for.

    Locust:  pick a task, run it, wait, and again        here:  pick, run, pick, run, ...   until there is a wait

Locust sees one long task: it may stop the user in mid-call as ever, and a user that it asked to stop, or that has
anything to wait for (thinking, backing off), goes back to its loop after the call. So do exceptions of tasks.
"""

import random
from typing import Any

from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

from harness.load.inside.transport.timer import sleep


class UserTasks(DefaultTaskSet):
    """The tasks of one user, who says with `waits` whether it has something to wait for."""

    def execute_next_task(self) -> None:
        user: Any = self.user
        task = self._task_queue.popleft()
        tasks = user.tasks
        while True:
            self.execute_task(task)
            if user._state != LOCUST_STATE_RUNNING or user.waits or self._task_queue:  # noqa: SLF001
                return
            task = random.choice(tasks) if len(tasks) > 1 else tasks[0]

    def _sleep(self, seconds: float) -> None:
        """As Locust does, but for nothing: who has just waited for a reply has let the others run."""
        if seconds > 0:
            sleep(seconds)
