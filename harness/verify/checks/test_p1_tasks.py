"""Does work that is asked for now and done later come to its end? One task is followed from its submission, by the deployment and by its database."""

import pytest

from harness.verify.backends.fixtures import HeldTask
from harness.verify.backends.tasks import TaskRun
from harness.verify.finding import fail, skip
from harness.verify.spec import backends
from harness.verify.spec.model import Spec
from harness.verify.target import Target

pytestmark = pytest.mark.tasks
HOW_ROW = "verify.yaml: tasks {row: {table, id, status}}, and database"


def test_a_task_comes_to_its_end(task: TaskRun, target: Target) -> None:
    """A worker takes it, and it is done; not failed, and in time."""
    expected = _tasks(target.spec)
    if task.end is None:
        fail(f"a task was still {task.last!r} after {expected.within:g} s: does a worker take them?")
    if task.end not in expected.done:
        fail(f"a task ended as {task.end!r}, not {' or '.join(expected.done)}")


def test_a_task_is_on_record_when_it_is_acknowledged(task: TaskRun, target: Target) -> None:
    """Its row is in the database, as another connection sees it, by the time that its client knows its name."""
    expected = _tasks(target.spec)
    if expected.row is None:
        skip("verify.yaml does not say which table holds tasks", HOW_ROW)
    if task.row is None:
        fail(f"task {task.id} was acknowledged, but {expected.row.table} has no row for it")
    if task.end is not None and task.row_at_end != task.end:
        fail(f"task {task.id} is {task.end!r} to its client, but {task.row_at_end!r} in its row")


def test_a_task_has_a_history_from_its_beginning_to_its_end(task: TaskRun, target: Target) -> None:
    """Pending first, its end last, and nothing after an end."""
    expected = _tasks(target.spec)
    if expected.history is None:
        skip(
            "verify.yaml does not say which table holds the statuses of a task",
            "verify.yaml: tasks {history: {table, task, status, order}}, and database",
        )
    if task.end is None:
        skip("the task did not end", "see the check that a task comes to its end")
    ends = [status for status in task.history if status in {*expected.done, *expected.failed}]
    states = " > ".join(task.history) or "nothing"
    if not task.history or task.history[0] not in expected.pending:
        fail(f"its history does not begin with {' or '.join(expected.pending)}: {states}")
    if len(ends) != 1 or task.history[-1] != task.end:
        fail(f"its history does not end once, as {task.end!r}: {states}")


def test_a_task_waits_for_its_worker_on_record(held_task: HeldTask, target: Target) -> None:
    """With the workers stopped: its row says that it is pending; when they go on it is done."""
    expected = _tasks(target.spec)
    if expected.row is None:
        skip("verify.yaml does not say which table holds tasks", HOW_ROW)
    if held_task.row not in expected.pending:
        fail(
            f"with its workers stopped the row of a task said {held_task.row!r}, not {' or '.join(expected.pending)}"
        )
    if held_task.end not in expected.done:
        fail(f"a task that had waited for its workers ended as {held_task.end!r}")


def test_the_message_of_a_task_survives_a_crash_of_its_broker(held_task: HeldTask) -> None:
    """With the workers stopped: it is in the queue, and persistent."""
    if held_task.persistent is None:
        skip(
            "verify.yaml does not give the AMQP address of its queue",
            "verify.yaml: queue {url: '${AMQP_URL}', name}",
        )
    if held_task.persistent == "no message":
        fail("with its workers stopped a task was acknowledged, but no message was in the queue")
    if held_task.persistent == "transient":
        fail("its message is not persistent: a crash of the broker loses it")


def _tasks(spec: Spec) -> backends.Tasks:
    assert spec.tasks is not None
    return spec.tasks
