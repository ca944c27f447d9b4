"""What goes with a target over stdio, and what does not; the other meaning of a command is kept apart."""

from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario.model import Scenario
from harness.scenario.read import scenario_of

STDIO = {"transport": "stdio", "command": ["npx", "-y", "a-server"]}
LOAD = {"name": "n", "load": [{"sustain": {"users": 2, "for": "30s"}}], "workload": [{"call": "echo"}]}


def read(target: dict[str, Any], **more: Any) -> Scenario:
    return scenario_of(LOAD | {"target": target} | more, "a.yaml")


def test_a_command_with_the_transport_stdio_needs_no_address() -> None:
    """Without it, it is a server that has one."""
    target = read(STDIO | {"users_per_process": 5}).target

    assert target.is_stdio
    assert target.users_per_process == 5
    assert not read({"command": ["a"], "url": "http://127.0.0.1:1/mcp"}).target.is_stdio
    with pytest.raises(UsageError) as error:
        read({"command": ["a"]})
    assert (
        "if it speaks over its standard input and output, transport: stdio"
        in error.value.what + error.value.todo
    )


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ({"transport": "stdio"}, {}, "there is no target.command"),
        (STDIO | {"url": "http://127.0.0.1:1/"}, {}, "target.url does not go with transport: stdio"),
        (STDIO | {"ready": "http://127.0.0.1:1/"}, {}, "target.ready does not go"),
        (STDIO | {"headers": {"A": "1"}}, {}, "target.headers does not go"),
        (STDIO | {"listen": True}, {}, "target.listen does not go"),
        (STDIO | {"protocol": "sse"}, {}, "sse is not spoken over stdio"),
        ({"users_per_process": 2}, {}, "users_per_process is for processes over stdio"),
        (
            STDIO,
            {"load": [{"sustain": {"users": 501, "for": "9s"}}]},
            "501 users are more than 500 processes",
        ),
        (
            STDIO,
            {"load": [{"rate": {"rate": "5/s", "for": "9s"}}]},
            "a rate over stdio needs a bound of its processes",
        ),
        (STDIO, {"expect_workers": 1}, "workers on other machines cannot load a stdio server"),
        (
            STDIO,
            {"work": {"write": {"call": "a"}, "read": {"call": "b"}}},
            "work cannot be counted over stdio",
        ),
        (
            STDIO,
            {"faults": [{"fault": "latency", "latency": "1ms", "at": "9s", "for": "5s"}]},
            "cannot be made over stdio",
        ),
        (STDIO, {"faults": [{"fault": "restart", "at": "9s"}]}, "cannot be made over stdio"),
    ],
)
def test_what_does_not_go_with_it_is_refused(target: dict[str, Any], more: dict[str, Any], said: str) -> None:
    """With the reason, before anything starts."""
    with pytest.raises(UsageError) as error:
        read(target, **more)

    assert said in error.value.what


def test_users_who_share_processes_may_be_more() -> None:
    """What is bounded is processes."""
    read(STDIO | {"users_per_process": 2}, load=[{"sustain": {"users": 1000, "for": "9s"}}])
    read(STDIO, load=[{"rate": {"rate": "5/s", "for": "9s", "max_users": 20}}])


@pytest.mark.parametrize("kind", ["kill", "pause"])
def test_its_processes_can_be_killed_and_paused(kind: str) -> None:
    """They are the place `target`."""
    scenario = read(STDIO, faults=[{"fault": kind, "at": "9s", "for": "5s"}])

    assert [fault.link for fault in scenario.faults] == ["target"]
