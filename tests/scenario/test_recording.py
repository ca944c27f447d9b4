"""What went through a proxy becomes a scenario: sessions, order and pauses as they were, no secret, nothing that means something else."""

import json
from typing import Any

import pytest
import yaml

from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import yaml_value
from harness.scenario.arguments import compile_arguments
from harness.scenario.read import scenario_of
from harness.scenario.recording import Secrets, Seen, UnsayableError, headers, recording, without_secrets
from harness.scenario.replay import groups


def seen(method: str, began: float, ended: float, session: str = "s1", **params: Any) -> Seen:
    return Seen(session, "agent", method, params, began, ended)


def called(word: str, began: float, ended: float, session: str = "s1") -> Seen:
    return seen(
        "tools/call", began, ended, session, name="echo", arguments={"word": word}, _meta={"progressToken": 1}
    )


def test_order_and_pauses_are_those_of_the_client() -> None:
    """
    list   |--|
    one          |----|
    two            |------|           before one was answered
    three                    |-|
           0  1  2  3  4  5  6  7
    """
    made = recording(
        [
            seen("initialize", -1, -0.5),
            seen("tools/list", 0, 1),
            called("one", 2, 4),
            called("two", 3, 5.5),
            called("three", 6, 7),
        ]
    )
    assert made.sessions == [
        {
            "name": "agent-1",
            "steps": [
                {"list": "tools"},
                {"call": "echo", "args": {"word": "one"}, "after": "1000ms"},
                {"call": "echo", "args": {"word": "two"}, "at_once": True},
                {"call": "echo", "args": {"word": "three"}, "after": "500ms"},
            ],
        }
    ]
    assert [(after, len(entries)) for after, entries in groups(read(made.sessions), at_once=True)] == [
        (0.0, 1), (1.0, 2), (0.5, 1),
    ]  # fmt: skip
    assert [len(entries) for _, entries in groups(read(made.sessions), at_once=False)] == [1, 1, 1, 1]


def read(sessions: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    from dataclasses import asdict

    data = yaml.safe_load(yaml.safe_dump({"name": "r", "replay": sessions, "load": LOAD, **more}))
    scenario = scenario_of(data, "recorded.yaml", {"MCP_PASSWORD": "x", "MCP_TEXT": "y"})
    return [asdict(step) for step in scenario.replay[0].steps]


LOAD = [{"sustain": {"users": 1, "for": "10s"}}]


def test_sessions_are_told_apart_by_their_id_and_clients_without_one_by_their_name() -> None:
    """2026-07-28 has no id."""
    made = recording(
        [called("a", 0, 1), called("b", 0.5, 2, "s2"), called("c", 3, 4, ""), called("d", 5, 6, "")]
    )
    assert [[step["args"]["word"] for step in one["steps"]] for one in made.sessions] == [
        ["a"],
        ["b"],
        ["c", "d"],
    ]


@pytest.mark.parametrize(
    ("request_", "step"),
    [
        (seen("resources/read", 0, 1, uri="memo://a"), {"read": "memo://a"}),
        (
            seen("prompts/get", 0, 1, name="greet", arguments={"who": "me"}),
            {"prompt": "greet", "args": {"who": "me"}},
        ),
        (seen("prompts/list", 0, 1), {"list": "prompts"}),
        (seen("tools/list", 0, 1, cursor="2"), {"request": "tools/list", "args": {"cursor": "2"}}),
        (seen("ping", 0, 1), {"request": "ping"}),
        (
            seen("tools/call", 0, 1, name="t", arguments={}, task={"ttl": 5}),
            {"request": "tools/call", "args": {"name": "t", "arguments": {}, "task": {"ttl": 5}}},
        ),
    ],
)
def test_every_request_can_be_said(request_: Seen, step: dict[str, Any]) -> None:
    """The usual ones as in a workload, any other by its method; a scenario takes them all."""
    made = recording([request_])
    assert made.sessions[0]["steps"] == [step]
    assert read(made.sessions)


@pytest.mark.parametrize(
    "method", ["initialize", "notifications/initialized", "server/discover", "subscriptions/listen"]
)
def test_what_opens_a_session_is_no_step(method: str) -> None:
    """The client that plays it does that by itself."""
    assert recording([seen(method, 0, 1)]).sessions == []


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"password": "hunter2"}, {"password": "${MCP_PASSWORD}"}),
        ({"api_key": 123456}, {"api_key": "${MCP_API_KEY}"}),
        ({"user": {"authToken": "a"}}, {"user": {"authToken": "${MCP_AUTHTOKEN}"}}),
        ({"text": f"use {JWT} now"}, {"text": "use ${MCP_TEXT} now"}),
        ({"text": "sk-abcdefghijklmnopqrstuv"}, {"text": "${MCP_TEXT}"}),
        ({"text": "Authorization: Bearer abc.def-ghi"}, {"text": "Authorization: Bearer ${MCP_TEXT}"}),
        ({"url": "postgres://me:secret@db/x"}, {"url": "postgres://${MCP_URL}@db/x"}),
        ({"word": "hello", "number": 7}, {"word": "hello", "number": 7}),
    ],
)
def test_what_looks_like_a_secret_is_named_instead(value: dict[str, Any], written: dict[str, Any]) -> None:
    """By its key, or by itself."""
    assert without_secrets(value, Secrets()) == written


def test_the_same_secret_has_the_same_name_and_another_one_another() -> None:
    """Also under other keys."""
    secrets = Secrets()
    made = without_secrets([{"token": "a1"}, {"token": "b2"}, {"password": "a1"}], secrets)
    assert made == [{"token": "${MCP_TOKEN}"}, {"token": "${MCP_TOKEN_2}"}, {"password": "${MCP_TOKEN}"}]
    assert sorted(secrets.named.values()) == ["MCP_TOKEN", "MCP_TOKEN_2"]


@pytest.mark.parametrize("text", ["${HOME}", "{{counter}}", "{{ anything }}"])
def test_texts_that_would_mean_something_else_are_left_out_and_counted(text: str) -> None:
    """A variable of the environment would be sent; a template would be filled in."""
    with pytest.raises(UnsayableError):
        without_secrets({"a": [text]}, Secrets())
    made = recording([called(text, 0, 1), called("fine", 2, 3)])
    assert (made.left_out, made.steps) == (1, 1)


def test_headers_of_the_user_s_own_are_named() -> None:
    """Those of the protocol are the replaying client's."""
    asked = [
        {"Accept": "", "Authorization": "", "X-Api-Key": "", "Mcp-Session-Id": "", "mcp-param-region": ""}
    ]
    assert headers(asked) == {"Authorization": "${MCP_AUTHORIZATION}", "X-Api-Key": "${MCP_X_API_KEY}"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"replay": [{"steps": []}]}, "replay[0].steps"),
        ({"replay": [{"steps": [{"call": "a", "read": "b"}]}]}, "exactly one of"),
        ({"replay": [{"steps": [{"call": "a", "args": {"x": "{{nope}}"}}]}]}, "unknown template"),
        ({"replay": [{"steps": [{"call": "a"}]}], "clients": {"agent": 1}}, "both clients and replay"),
        ({"replay": [{"steps": [{"call": "a"}]}], "workload": [{"call": "a"}]}, "both workload and replay"),
    ],
)
def test_a_recording_is_read_strictly(more: dict[str, Any], words: str) -> None:
    """It may be edited by hand."""
    with pytest.raises(UsageError) as refused:
        scenario_of({"name": "r", "load": LOAD, **more}, "r.yaml")
    assert words in "\n".join(refused.value.lines())


def test_what_is_written_fills_in_nothing() -> None:
    """No text of a client becomes a template."""
    (session,) = recording([called("{ {counter} }", 0, 1)]).sessions
    assert compile_arguments(session["steps"][0]["args"])(None, 1) == {"word": "{ {counter} }"}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {"arguments": {}}),
        ("tools/call", {"name": 5, "arguments": {}}),
        ("tools/call", {"name": "", "arguments": {}}),
        ("tools/call", {"name": "echo", "arguments": [1]}),
        ("prompts/get", {}),
        ("resources/read", {"uri": None}),
        ("x" * 500, {"a": {"b": [None, 1.5, "é"]}}),
    ],
)
def test_a_request_that_no_client_should_make_is_a_request_of_its_own(method: str, params: Any) -> None:
    """It is played as it was, and the recording is not lost for it."""
    made = recording([Seen("s", "agent", method, params, 0, 1)])
    assert made.sessions[0]["steps"] == [{"request": method, **({"args": params} if params else {})}]
    read(made.sessions)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("", {}),
        ("a\x00", {}),
        ("${HOME}", {}),
        ("tools/call", {"name": "\ud800"}),
        ("x", {"sk-abcdefghijklmnopqrst": 1}),
        ("x", {"a": json.loads("[" * 45 + "]" * 45)}),
    ],
)
def test_what_no_scenario_can_hold_is_left_out_and_counted(method: str, params: Any) -> None:
    """Beside it the others stay."""
    made = recording([Seen("s", "agent", method, params, 0, 1), called("one", 2, 3)])
    assert (made.steps, made.left_out) == (1, 1)
    read(made.sessions)


def test_a_recording_is_no_larger_than_a_scenario_may_be() -> None:
    """What is beyond that is counted; what was written can be played."""
    made = recording([called(f"{number}" + "é" * 20_000, number, number + 0.5) for number in range(100)])
    text = yaml.safe_dump({"replay": made.sessions}, allow_unicode=True, width=110, default_flow_style=None)
    assert 0 < made.beyond < 100
    assert made.steps + made.beyond == 100
    yaml_value(text)
    many = recording([called("x", number, number + 0.5, f"s{number}") for number in range(1_100)])
    assert (len(many.sessions), many.beyond) == (1_000, 100)
