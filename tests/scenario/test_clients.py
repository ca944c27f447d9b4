"""Presets of clients: what they need, what they call, and what the plan says of them."""

from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import CLIENTS
from harness.scenario.clients import check_against
from harness.scenario.model import REFERENCE_CALLS
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe
from harness.scenario.read import scenario_of

SUSTAIN = {"sustain": {"users": 5, "for": "1m"}}
CALLS = [{"call": "echo"}]


def scenario(**more: Any) -> Any:
    return scenario_of({"name": "clients", "load": [SUSTAIN], **more}, "s.yaml")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"clients": {"nope": 1}}, "clients.nope"),
        ({"clients": {"agent": 0}}, "has no users"),
        ({"clients": {"agent": 1}, "mix": {"light": 1}}, "both mix and clients"),
        (
            {"clients": {"agent": 1}, "load": [{"rate": {"rate": "5/s", "for": "10s"}}]},
            "load[0].rate does not go",
        ),
        (
            {"clients": {"idle-60": 1}, "load": [{"bench": {"requests": 5, "users": 1}}]},
            "load[0].bench does not go",
        ),
        (
            {"clients": {"listing": 1}, "load": [{"ramp": {"to": 5, "requests_per_user": 3}}]},
            "load[0].ramp does not go",
        ),
        ({"clients": {"steady": 1}, "target": {"url": "http://127.0.0.1:1/mcp"}}, "need something to call"),
        (
            {"clients": {"agent": 1}, "workload": CALLS, "target": {"transport": "stdio", "command": ["x"]}},
            "do not exist over stdio",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(more: dict[str, Any], words: str) -> None:
    """Exit 2, before anything starts."""
    with pytest.raises(UsageError) as refused:
        scenario(**more)
    assert words in "\n".join(refused.value.lines())


@pytest.mark.parametrize(
    ("name", "protocol", "tools", "words"),
    [
        ("sessions-never-closed", "2026-07-28", [], "need sessions"),
        ("subscribing", "2025-11-25", [], "need 2026-07-28"),
        ("tasks-polled", "2025-06-18", [], "need 2025-11-25"),
        ("tasks-polled", "2025-11-25", [{"name": "echo"}], "cannot call echo as a task"),
        (
            "tasks-polled",
            "2025-11-25",
            [{"name": "echo", "execution": {"taskSupport": "forbidden"}}],
            "as a task",
        ),
        ("tasks-polled", "2025-11-25", [{"name": "echo", "execution": {"taskSupport": "optional"}}], ""),
        ("idle-60", "sse", [], "do not exist over sse"),
        ("steady", "websocket", [], ""),
        ("subscribing", "2026-07-28", [], ""),
    ],
)
def test_what_a_server_does_not_speak_is_refused(
    name: str, protocol: str, tools: list[dict[str, Any]], words: str
) -> None:
    """When the preflight has found it out."""
    asked = scenario(clients={name: 1}, workload=CALLS)
    if not words:
        check_against(asked, protocol, tools)
        return
    with pytest.raises(UsageError) as refused:
        check_against(asked, protocol, tools)
    assert words in "\n".join(refused.value.lines())


def test_the_reference_server_has_calls_for_every_preset() -> None:
    """And a server of one's own needs none where only lists are read."""
    assert scenario(clients={"agent": 1}).workload == REFERENCE_CALLS
    assert scenario(clients={"listing": 1}, target={"url": "http://127.0.0.1:1/mcp"}).workload == []


def test_the_plan_says_what_they_imitate_and_warns_of_steps_that_are_too_short() -> None:
    """An idle stream of five minutes is not seen in one."""
    text = describe(build(scenario(clients={"agent": 1, "idle-300": 1, "idle-60": 1})))
    for name in ("agent", "idle-300"):
        assert f"Clients {name}: {CLIENTS[name].imitates}." in text
    assert "Warning: The clients idle-300 are quiet for 5m, and no load step is longer than 1m" in text
    assert "Warning: The clients idle-60" not in text
