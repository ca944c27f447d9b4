"""`harness serve --worker`: what it needs."""

import pytest

from harness.cli.serving import serve
from harness.errors import UsageError


def test_a_worker_without_a_database_is_told_what_to_give() -> None:
    """An embedded database of its own would have no tasks."""
    with pytest.raises(UsageError, match="A worker needs the database of a server"):
        serve("127.0.0.1", 8000, None, worker=True)
