"""Fixtures for the services of a deployment: `database`, `queue`, `tasks`, `deploy`. A check is skipped if verify.yaml does not declare its service.

`task` is one that was followed to its end; `held_task` one that waited while the workers were stopped. Each is made once, for all checks that ask.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest

from harness.verify.backends.database import Database
from harness.verify.backends.deploy import deploy_of
from harness.verify.backends.queue import Queue
from harness.verify.backends.tasks import ON_RECORD_S, TaskRun, Tasks
from harness.verify.deploying import Deployed, deployed
from harness.verify.finding import skip
from harness.verify.naming import named
from harness.verify.target import CLOCK, Deploy, Target
from harness.verify.waiting import eventually
from harness.verify.writing import Writing

HOW_DATABASE = "verify.yaml: database {dsn: '${DATABASE_URL}', schema, tables}; --learn --database DATABASE_URL writes it"
HOW_QUEUE = (
    "verify.yaml: queue {url: '${AMQP_URL}', management, name}; --learn --queue AMQP_URL:NAME writes it"
)


@pytest.fixture(scope="session")
def _database(_deployment: Target) -> Iterator[Database | None]:
    declared = _deployment.spec.database
    database = Database(declared, _deployment.run) if declared is not None else None
    yield database
    if database is not None:
        database.close()


@pytest.fixture
def database(_database: Database | None) -> Database:
    """The database: `fetch(sql, *arguments)`, `value(sql, *arguments)`, `table(name)`."""
    if _database is None:
        skip("verify.yaml does not say where its database is", HOW_DATABASE)
    return _database


@pytest.fixture
def queue(target: Target) -> Queue:
    """The queue: `look()`, `by_amqp()`."""
    if target.spec.queue is None:
        skip("verify.yaml does not say where its queue is", HOW_QUEUE)
    return Queue(target.spec.queue, target.run)


@dataclass(frozen=True, slots=True)
class HeldTask:
    """A task that was submitted while nobody worked on tasks."""

    row: str | None
    waiting_before: int
    waiting: int
    persistent: str | None  # persistent, transient, no message; None where there is no queue to look at
    end: str | None


@pytest.fixture
def tasks(
    target: Target,
    _database: Database | None,
    unique: Callable[[str], str],
    cleanup: Callable[[Callable[[], object]], None],
) -> Tasks:
    """Its tasks: `submit()`, `status(id)`, `ended(id)`, `row(id)`, `history(id)`; nothing without leave to write."""
    return _tasks(target, _database, unique, cleanup)


@pytest.fixture(scope="session")
def _task_run(_deployment: Target, _database: Database | None) -> Iterator[TaskRun]:
    with ExitStack() as stack:
        tasks = _tasks(_deployment, _database, named, _registering(stack))
        yield tasks.followed(tasks.submit())


@pytest.fixture
def task(_task_run: TaskRun) -> TaskRun:
    """One that was submitted and followed."""
    return _task_run


@pytest.fixture(scope="session")
def _held_run(_deployment: Target, _database: Database | None) -> Iterator[HeldTask]:
    with ExitStack() as stack:
        tasks = _tasks(_deployment, _database, named, _registering(stack))
        if not tasks.spec.pause:
            skip(
                "verify.yaml does not say how to stop its workers, and they take each message before it can be read",
                "verify.yaml: tasks {pause: COMMAND, resume: COMMAND}; and --allow-deploy",
            )
        _allowed(_deployment, "this check stops its workers for a moment")
        declared = _deployment.spec.queue
        queue = Queue(declared, _deployment.run) if declared is not None and declared.url else None
        yield _held(tasks, queue)


def _held(tasks: Tasks, queue: Queue | None) -> HeldTask:
    """Stopped, submitted, looked at, and let go on."""
    with tasks.paused():
        if queue is not None:
            eventually(lambda: queue.by_amqp().consumers == 0, "tasks.pause leaves no consumer of the queue")
        before = queue.by_amqp().messages if queue is not None else 0
        submitted = tasks.submit()
        row, waiting, persistent = tasks.row(submitted), before, None
        if queue is not None:
            waiting = _waiting(queue, before)
            found = queue.is_persistent()
            persistent = "no message" if found is None else "persistent" if found else "transient"
    end = tasks.followed(submitted).end
    return HeldTask(row, before, waiting, persistent, end)


def _waiting(queue: Queue, before: int) -> int:
    """Return how many messages wait, once there is one more or the time is over."""
    seen = [before]

    def more() -> bool:
        seen[0] = queue.by_amqp().messages
        return seen[0] > before

    with suppress(pytest.fail.Exception):
        eventually(more, "a message in the queue", ON_RECORD_S)
    return seen[0]


@pytest.fixture
def held_task(_held_run: HeldTask) -> HeldTask:
    """One that had to wait."""
    return _held_run


@pytest.fixture(scope="session")
def _deployed(_deployment: Target, _database: Database | None) -> Iterator[Deployed]:
    deploy = deploying(_deployment)
    with ExitStack() as stack:
        register, spec = _registering(stack), _deployment.spec
        writes = _deployment.settings.allow_writes
        writing = Writing(spec, _deployment, named, register) if writes and spec.write is not None else None
        declared = spec.tasks if writes else None
        tasks = Tasks(declared, _deployment, _database, named, register) if declared is not None else None
        with _deployment.exchanges.keeping("deploy"):
            result = deployed(_deployment, deploy, writing, tasks, CLOCK.now_ns)
        yield result


@pytest.fixture
def deploy(target: Target) -> Deploy:
    """Deploys from a check: `target.run(deploy.replace())`. Needs --allow-deploy."""
    return deploying(target)


def deploying(target: Target) -> Deploy:
    """Ours, or the user's."""
    if target.deploy is not None:
        return target.deploy
    deploy = deploy_of(target, CLOCK)
    if deploy is None:
        skip(
            "verify.yaml does not say how to deploy it",
            "verify.yaml: deploy {command: ...}, and --allow-deploy; or --deploy-simulation, which deploys a server of its own",
        )
    _allowed(target, "this check deploys it")
    return deploy


def _tasks(
    target: Target,
    database: Database | None,
    unique: Callable[[str], str],
    cleanup: Callable[[Callable[[], object]], None],
) -> Tasks:
    declared = target.spec.tasks
    if declared is None:
        skip("verify.yaml does not say how to submit a task", "verify.yaml: tasks {submit, poll}")
    if not target.settings.allow_writes:
        skip("this check submits a task to the deployment", "add --allow-writes")
    return Tasks(declared, target, database, unique, cleanup)


def _allowed(target: Target, would: str) -> None:
    if not target.settings.allow_deploy:
        skip(would, "add --allow-deploy")


def _registering(stack: ExitStack) -> Callable[[Callable[[], object]], None]:
    def register(remove: Callable[[], object]) -> None:
        stack.callback(remove)

    return register
