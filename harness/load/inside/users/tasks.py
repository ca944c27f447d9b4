"""Locust's loop over a user's tasks, without its overhead when there is nothing to wait for.

    Locust:  pick a task, run it, wait, and again        here:  pick, run, pick, run, ...   until there is a wait

Locust sees one long task. It can stop the user in mid-call as usual. A user that was asked to stop, or that
has to wait (thinking, backing off), returns to Locust's loop after the call. So do exceptions of tasks.
A user whose only task is to make the same call again makes it on the fast lane (`fast_lane`).
"""

import random
from typing import Any

from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

from harness.load.inside.transport.timer import sleep


class UserTasks(DefaultTaskSet):
    """The tasks of one user; its `waits` says whether it has something to wait for."""

    def execute_next_task(self) -> None:
        user: Any = self.user
        task = self._task_queue.popleft()
        tasks = user.tasks
        while True:
            self.execute_task(task)
            if self._returns():
                return
            if user.fast is not None and user.fast.repeats(task, tasks):
                user.fast.repeat()
                if self._returns():
                    return
            task = random.choice(tasks) if len(tasks) > 1 else tasks[0]

    def _returns(self) -> bool:
        """Return whether Locust's loop has something to do."""
        user: Any = self.user
        return bool(user._state != LOCUST_STATE_RUNNING or user.waits or self._task_queue)  # noqa: SLF001

    def _sleep(self, seconds: float) -> None:
        """Sleep, but skip a wait of 0 s: while the user waited for its reply, other greenlets ran."""
        if seconds > 0:
            sleep(seconds)
