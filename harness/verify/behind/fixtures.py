"""What a check may ask for of what stands behind a deployment: `database`, `queue`; skipped where verify.yaml does not say where it is."""

from collections.abc import Iterator

import pytest

from harness.verify.behind.database import Database
from harness.verify.behind.queue import Queue
from harness.verify.finding import skip
from harness.verify.target import Target

HOW_DATABASE = "verify.yaml: database {dsn: '${DATABASE_URL}', schema, tables}; --learn --database DATABASE_URL writes it"
HOW_QUEUE = (
    "verify.yaml: queue {url: '${AMQP_URL}', management, name}; --learn --queue AMQP_URL:NAME writes it"
)


@pytest.fixture(scope="session")
def _database(_deployment: Target) -> Iterator[Database | None]:
    declared = _deployment.spec.database
    found = Database(declared, _deployment.run) if declared is not None else None
    yield found
    if found is not None:
        found.close()


@pytest.fixture
def database(_database: Database | None) -> Database:
    """The database: `fetch(sql, *arguments)`, `value(sql, *arguments)`, `table(name)`."""
    if _database is None:
        skip("nobody has said where its database is", HOW_DATABASE)
    return _database


@pytest.fixture
def queue(target: Target) -> Queue:
    """The queue: `look()`, `by_amqp()`."""
    if target.spec.queue is None:
        skip("nobody has said where its queue is", HOW_QUEUE)
    return Queue(target.spec.queue, target.run)
