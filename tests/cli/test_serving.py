"""`harness serve`: what it needs."""

import pytest

from harness.cli.serving import serve
from harness.foundation.errors import UsageError


def test_a_worker_without_a_database_is_told_what_to_give() -> None:
    """An embedded database of its own would have no tasks."""
    with pytest.raises(UsageError, match="A worker needs the database of a server"):
        serve("127.0.0.1", 8000, None, worker=True)


@pytest.mark.parametrize("host", ["", "a b", "127.1", "[::1", "203.0.113.9", "a" * 70, "h\0"])
def test_a_place_that_cannot_be_listened_at_is_told_before_anything_starts(host: str) -> None:
    """Exit 2, with one that can."""
    with pytest.raises(UsageError, match="Cannot listen at") as told:
        serve(host, 0, None)
    assert "--host 127.0.0.1" in told.value.todo
