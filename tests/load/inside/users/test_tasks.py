"""The loop over a user's tasks: no pause where nothing is waited for, and Locust's rules all the same."""

from typing import Any

import pytest
from locust import TaskSet, User, task
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from harness.load.inside.users.tasks import UserTasks


class Worker(User):
    """Does things until it has done `limit` of them; thinks after each third."""

    limit = 8
    fast = None

    def __init__(self) -> None:
        super().__init__(Environment(user_classes=[Worker]))
        self.log: list[str] = []

    @property
    def waits(self) -> bool:
        return len(self.log) % 3 == 0

    def wait_time(self) -> float:
        self.log.append("thinks")
        return 0.0

    def on_start(self) -> None:
        self._taskset_instance = UserTasks(self)

    def do(self, what: str) -> None:
        self.log.append(what)
        if len(self.log) >= self.limit:
            self._state = LOCUST_STATE_STOPPING


def run(*tasks: Any) -> list[str]:
    worker = Worker()
    worker.tasks = list(tasks)
    worker.run()
    return worker.log


def test_locust_is_asked_to_wait_only_when_there_is_something_to_wait_for() -> None:
    """Here after each third thing in the log, and a user that is to stop stops after its task."""
    log = run(lambda user: user.do("works"))

    assert log == ["works", "works", "works", "thinks", "works", "works", "thinks", "works"]


def test_all_tasks_get_their_turn() -> None:
    """By their weights, as they stand in Locust's list."""
    Worker.limit, before = 400, Worker.limit
    try:
        log = run(*[lambda user: user.do("often")] * 3, lambda user: user.do("seldom"))
    finally:
        Worker.limit = before

    assert 0 < log.count("seldom") < log.count("often")


def test_what_a_task_raises_is_locusts_to_handle() -> None:
    """A failing task is told to Locust and followed by a wait; a task may stop its user."""
    errors: list[str] = []

    def fails(user: Any) -> None:
        user.environment.events.user_error.add_listener(lambda exception, **_: errors.append(str(exception)))
        user.tasks = [stops]
        raise ValueError("a mistake")

    def stops(_user: Any) -> None:
        raise StopUser

    log = run(fails)

    assert (errors, log) == (["a mistake"], ["thinks"])


def test_sets_of_tasks_nest_as_in_locust() -> None:
    """And leave when they interrupt themselves."""

    class Inner(TaskSet):
        @task
        def leave(self) -> None:
            self.user.do("inside")
            self.interrupt()

    log = run(Inner)

    assert log.count("inside") >= 4


@pytest.mark.parametrize(("seconds", "slept"), [(0, []), (-1, []), (0.5, [0.5])])
def test_no_sleep_for_nothing(monkeypatch: Any, seconds: float, slept: list[float]) -> None:
    """A sleep of nothing costs a turn of the loop."""
    asked: list[float] = []
    monkeypatch.setattr("harness.load.inside.users.tasks.sleep", asked.append)

    UserTasks(Worker())._sleep(seconds)

    assert asked == slept
