"""What checks of tasks, queues and deploys say of what was seen: each finding by its check, with its words, and what passes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.backends.fixtures import HeldTask
from harness.verify.backends.queue import QueueState
from harness.verify.backends.tasks import TaskRun
from harness.verify.checks import test_p1_deploy as deploy
from harness.verify.checks import test_p1_queue as queue
from harness.verify.checks import test_p1_tasks as tasks
from harness.verify.checks import test_p2_queue as waiting
from harness.verify.deploying import Deployed
from harness.verify.finding import UndecidedError
from harness.verify.spec import backends

ASKED = backends.Asked(post="/tasks"), backends.Asked(get="/tasks/1")
ROW = backends.Row(table="tasks", id="id", status="status")
HISTORY = backends.History(table="history", task="task", status="status", order="number")
WITHOUT_RECORD = backends.Tasks(*ASKED)
RECORDED = backends.Tasks(*ASKED, row=ROW, history=HISTORY)
GOOD = TaskRun("7", "pending", "completed", "completed", ("pending", "running", "completed"), "completed")
HELD = HeldTask("pending", 2, 3, "persistent", "completed")


def changed(value: Any, **fields: Any) -> Any:
    """The same with other values in some fields."""
    return type(value)(**{name: getattr(value, name) for name in value.__dataclass_fields__} | fields)


def target(**spec: Any) -> Any:
    """A deployment of which verify.yaml expects this."""
    return SimpleNamespace(spec=SimpleNamespace(**{"tasks": RECORDED, "read": None, **spec}))


def found(check: Callable[..., None], *given: Any) -> str:
    """The outcome of a check and why, in a line."""
    try:
        check(*given)
    except pytest.fail.Exception as error:
        return f"failed: {error}"
    except pytest.skip.Exception as error:
        return f"skipped: {error}"
    except UndecidedError as error:
        return f"unknown: {error}"
    return "passed"


ENDS = tasks.test_a_task_comes_to_its_end
ON_RECORD = tasks.test_a_task_is_on_record_when_it_is_acknowledged
TOLD = tasks.test_a_task_has_a_history_from_its_beginning_to_its_end
WAITS = tasks.test_a_task_waits_for_its_worker_on_record


@pytest.mark.parametrize(
    ("check", "task", "spec", "words"),
    [
        (ENDS, GOOD, RECORDED, "passed"),
        (ENDS, changed(GOOD, end=None, last="running"), RECORDED, "failed: a task was still 'running' after 30 s"),
        (ENDS, changed(GOOD, end="failed"), RECORDED, "failed: a task ended as 'failed', not completed"),
        (ON_RECORD, GOOD, RECORDED, "passed"),
        (ON_RECORD, GOOD, WITHOUT_RECORD, "skipped: verify.yaml does not say which table holds tasks"),
        (ON_RECORD, changed(GOOD, row=None), RECORDED, "failed: task 7 was acknowledged, but tasks has no row for it"),
        (ON_RECORD, changed(GOOD, row_at_end="running"), RECORDED,
         "failed: task 7 is 'completed' to its client, but 'running' in its row"),
        (TOLD, GOOD, RECORDED, "passed"),
        (TOLD, GOOD, WITHOUT_RECORD, "skipped: verify.yaml does not say which table holds the statuses of a task"),
        (TOLD, changed(GOOD, end=None), RECORDED, "skipped: the task did not end"),
        (TOLD, changed(GOOD, history=("running", "completed")), RECORDED,
         "failed: its history does not begin with pending: running > completed"),
        (TOLD, changed(GOOD, history=()), RECORDED, "failed: its history does not begin with pending: nothing"),
        (TOLD, changed(GOOD, history=("pending", "completed", "failed")), RECORDED,
         "failed: its history does not end once, as 'completed': pending > completed > failed"),
        (WAITS, HELD, RECORDED, "passed"),
        (WAITS, HELD, WITHOUT_RECORD, "skipped: verify.yaml does not say which table holds tasks"),
        (WAITS, changed(HELD, row="lost"), RECORDED,
         "failed: with its workers stopped the row of a task said 'lost', not pending"),
        (WAITS, changed(HELD, end="failed"), RECORDED,
         "failed: a task that had waited for its workers ended as 'failed'"),
    ],
)  # fmt: skip
def test_a_task_is_judged_by_what_was_seen_of_it(
    check: Callable[..., None], task: Any, spec: backends.Tasks, words: str
) -> None:
    """Its end, its row, its history, and its wait for a worker."""
    assert found(check, task, target(tasks=spec)).startswith(words)


@pytest.mark.parametrize(
    ("persistent", "words"),
    [
        ("persistent", "passed"),
        (None, "skipped: verify.yaml does not give the AMQP address of its queue"),
        ("no message", "failed: with its workers stopped a task was acknowledged, but no message was in the queue"),
        ("transient", "failed: its message is not persistent: a crash of the broker loses it"),
    ],
)  # fmt: skip
def test_a_message_is_judged_by_its_delivery_mode(persistent: str | None, words: str) -> None:
    """As it lay in the queue."""
    held = changed(HELD, persistent=persistent)

    assert found(tasks.test_the_message_of_a_task_survives_a_crash_of_its_broker, held).startswith(words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "passed"),
        ({"persistent": None}, "skipped: verify.yaml does not give the AMQP address of its queue"),
        ({"waiting": 2}, "failed: 2 messages waited before a task was submitted, 2 after it"),
    ],
)
def test_a_backlog_is_judged_by_its_length(fields: dict[str, Any], words: str) -> None:
    """One more than before."""
    assert found(waiting.test_what_waits_is_seen_by_amqp, changed(HELD, **fields)).startswith(words)


def seen(spec: dict[str, Any], **state: Any) -> Any:
    """A queue that is declared like this, and looks like that."""
    declared = backends.Queue(name="orders", url="amqp://127.0.0.1", **spec)
    return SimpleNamespace(spec=declared, name="orders", look=lambda: QueueState(**state))


DURABLE = queue.test_its_queue_survives_a_crash_of_its_broker
CONSUMED = queue.test_its_queue_is_consumed


@pytest.mark.parametrize(
    ("spec", "state", "words"),
    [
        ({}, {"there": True, "durable": True}, "passed"),
        ({"durable": False}, {"there": True}, "skipped: verify.yaml says that it need not be durable"),
        ({}, {"there": False, "by": "AMQP"}, "failed: there is no queue"),
        ({}, {"there": True, "by": "AMQP"}, "unknown: AMQP does not say whether"),
        ({}, {"there": True, "durable": False}, "failed: the queue"),
    ],
)
def test_a_queue_is_judged_by_whether_it_is_durable(
    spec: dict[str, Any], state: dict[str, Any], words: str
) -> None:
    """As far as anybody says."""
    assert found(DURABLE, seen(spec, **state)).startswith(words)


def test_a_queue_without_consumers_is_waited_for() -> None:
    """Unless none are expected."""
    asked: list[bool] = []

    def eventually(enough: Callable[[], bool], *_: Any, state: Callable[[], str]) -> None:
        asked.append(enough())
        assert state() == "0 consumers"

    assert found(CONSUMED, seen({}, there=True), eventually) == "passed"
    assert asked == [False]
    assert found(CONSUMED, seen({"consumers": 0}, there=True), eventually).startswith(
        "skipped: verify.yaml says that it needs no consumers"
    )


OK, LOST, TIMEOUT = Reply(outcome.OK), Reply(outcome.SESSION_LOST), Reply(outcome.TIMEOUT)
BEFORE = Deployed("1", "2", {"2025-11-25": OK}, {"2025-11-25": OK}, LOST, ("a", "b"), (), task=GOOD)
CLOSED = SimpleNamespace(why="GET /mcp ended with http_status")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ["passed"] * 6),
        ({"process_before": None}, ["skipped: verify.yaml does not say how to tell one process from another"]),
        ({"process_after": "1"}, ["unknown: 1 still serves: there was no deploy"]),
        ({"after": {}}, ["passed", "skipped: it gives out no session IDs in that version"]),
        ({"after": {"2025-11-25": LOST}}, ["passed", "failed: a request in a session from before the deploy ended with session_lost"]),
        ({"reopened": {}}, ["passed", "passed", "skipped: it is not offered: GET /mcp ended with http_status"]),
        ({"reopened": {"2025-11-25": TIMEOUT}}, ["passed", "passed", "failed: tools/list in a new session ended with timeout"]),
        ({"ended": None}, ["passed"] * 3 + ["skipped: it gives out no session IDs in that version"]),
        ({"ended": OK}, ["passed"] * 3 + ["failed: a request in a session that its client had ended ended with ok after the deploy"]),
        ({"written": ()}, ["passed"] * 4 + ["skipped: nothing was written before it"]),
        ({"missing": ("b",)}, ["passed"] * 4 + ["failed: 1 of 2 acknowledged writes are gone"]),
        ({"task": None}, ["passed"] * 5 + ["skipped: no task was submitted before it"]),
        ({"task": changed(GOOD, end=None, last="running")},
         ["passed"] * 5 + ["failed: a task that was accepted before the deploy is 'running' after it"]),
    ],
)  # fmt: skip
def test_a_deploy_is_judged_by_what_it_did_to_clients(fields: dict[str, Any], words: list[str]) -> None:
    """To its process, their sessions, their writes and their tasks: in this order, up to the one that differs."""
    seen_after = changed(BEFORE, **fields)
    here = target(read=object())
    here.door = lambda _: CLOSED
    door = "2025-11-25"
    results = [
        found(deploy.test_a_deploy_puts_another_process_in_its_place, seen_after),
        found(deploy.test_a_session_that_was_open_before_a_deploy_works_after_it, seen_after, door),
        found(deploy.test_a_session_is_opened_after_a_deploy, here, seen_after, door),
        found(deploy.test_a_session_that_was_ended_before_a_deploy_stays_ended, seen_after),
        found(deploy.test_what_was_acknowledged_before_a_deploy_is_there_after_it, here, seen_after),
        found(deploy.test_a_task_that_was_accepted_before_a_deploy_is_done_after_it, here, seen_after),
    ]

    assert all(result.startswith(word) for result, word in zip(results, words, strict=False)), results
