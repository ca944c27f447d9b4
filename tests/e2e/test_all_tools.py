"""Everything that a server offers, called by one flag: what it asks of the reference server, and what it leaves alone."""

from collections.abc import Callable
from typing import Any

from tests.e2e.disturbed import assert_no_reason_but_the_machine

Start = Callable[..., Any]


def test_every_tool_that_only_reads_is_called_and_no_other(harness: Start) -> None:
    """Arguments are made from schemas, and tried once before the load."""
    command = harness("sustain", "--users", "2", "--for", "3s", "--all-tools", "--json")
    assert_no_reason_but_the_machine(command)
    assert "Trying what it offers, one call after the other, for 3m at most" in command.stderr

    by_name = {one["name"]: one for one in command.summary()["coverage"]}
    assert {"list_databases", "append_entry"} <= by_name.keys()
    assert by_name["list_databases"]["calls"] > 0
    assert by_name["append_entry"]["calls"] == 0
    assert by_name["append_entry"]["left_out"] == "not annotated as read-only"
    assert all(one["refused_arguments"] == 0 for one in by_name.values())
