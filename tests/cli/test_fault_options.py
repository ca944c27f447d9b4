"""Flags of faults and links: read, or refused with an example."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.cli.fault_options import fault_of, link_of
from harness.foundation.errors import UsageError


def test_flags_say_what_a_scenario_would() -> None:
    name, link = link_of("db=postgres://127.0.0.1:5432,env=DATABASE_URL")

    assert name == "db"
    assert link["upstream"].endswith("127.0.0.1:5432")
    assert fault_of("latency:latency=200ms,at=10s,for=5s") == {
        "fault": "latency", "latency": "200ms", "at": "10s", "for": "5s"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("read", "text", "flag"),
    [
        (link_of, "db", "--link 'db'"),
        (link_of, "db=x,no", "--link 'db'"),
        (fault_of, "latency:latency", "--fault"),
    ],
)
def test_what_cannot_be_read_is_said_with_an_example(
    read: Callable[[str], Any], text: str, flag: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read(text)

    assert raised.value.what.startswith(flag)
    assert raised.value.what.endswith("cannot be read")
    assert raised.value.todo.startswith("For example --")
