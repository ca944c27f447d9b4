"""Feeders and journeys in scenarios: every name that a template looks at is there."""

from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario.feeders import feeder_from_flag
from harness.scenario.model import Scenario
from harness.scenario.read import scenario_of

STEPS = [
    {"call": "search", "as": "found"},
    {"call": "open", "args": {"id": "{{reply.items[0].id}}"}},
    {"read": "note:///{{found.items[0].id}}/{{people.id}}"},
]
PEOPLE = {"people": {"file": "people.csv"}}
BENCH = [{"bench": {"requests": 5, "users": 1}}]


def read(workload: Any, data: Any = PEOPLE, **more: Any) -> Scenario:
    whole = {
        "name": "x",
        "target": {"url": "http://127.0.0.1:9/mcp"},
        "workload": workload,
        "data": data,
        "load": [{"sustain": {"users": 1, "for": "9s"}}],
    }
    return scenario_of(whole | more, "s.yaml", {})


def test_a_journey_and_its_objectives_are_read() -> None:
    """A row may be looked at anywhere, a reply from the second step on; `once` where the number of calls is known."""
    workload = [
        {"journey": "buy", "weight": 2, "steps": STEPS},
        {"call": "echo", "args": {"a": "{{people.name}} {{counter}}"}},
    ]

    scenario = read(workload, objectives=["p95 < 2s for journey:buy"])

    assert [step.as_ for step in scenario.workload[0].steps] == ["found", None, None]
    assert read(workload, {"people": {"file": "a.JSONL", "order": "once", "numbers": "id"}}, load=BENCH)


@pytest.mark.parametrize(
    ("workload", "data", "more", "message"),
    [
        (
            [{"call": "a", "args": {"x": "{{peple.id}}"}}],
            PEOPLE,
            {},
            "{{peple.id}} looks at peple, which is not there",
        ),
        ([{"call": "a", "args": {"x": "{{reply.id}}"}}], PEOPLE, {}, "looks at reply, which is not there"),
        (
            [{"journey": "b", "steps": [{"call": "a", "args": {"x": "{{reply}}"}}]}],
            {},
            {},
            "steps[0]: {{reply}} looks at reply",
        ),
        (
            [{"journey": "b", "steps": [{"call": "a"}, {"call": "c", "args": {"x": ["{{found.id}}"]}}]}],
            {},
            {},
            "steps[1]: {{found.id}} looks at found",
        ),
        ([{"call": "a", "args": {"x": "{{people..id}}"}}], PEOPLE, {}, "is no path that is known here"),
        ([{"journey": "b", "steps": []}], {}, {}, "a journey has steps"),
        (
            [{"journey": "b", "steps": [{"journey": "c", "steps": [{"call": "a"}]}]}],
            {},
            {},
            "a step is a call, read, prompt or list",
        ),
        ([{"journey": "b", "steps": STEPS[:1]}] * 2, {}, {}, "b is used twice"),
        ([{"call": "a", "steps": STEPS}], {}, {}, "steps go with journey"),
        ([{"call": "a", "journey": "b"}], {}, {}, "says exactly one of call, read, prompt, list and journey"),
        ([{"call": "a"}], {"reply": {"file": "a.csv"}}, {}, "'reply' cannot stand in a template"),
        ([{"call": "a"}], {"uuid": {"file": "a.csv"}}, {}, "'uuid' cannot stand in a template"),
        (
            [{"call": "a"}],
            {"p": {"file": "a.txt"}},
            {},
            "data.p.file: is the path of a file that ends in .csv",
        ),
        (
            [{"call": "a"}],
            {"p": {"file": "a.csv", "order": "twice"}},
            {},
            "data.p.order: should be 'own', 'in_order'",
        ),
        (
            [{"call": "a"}],
            {"p": {"file": "a.csv", "order": "once"}},
            {},
            "once needs a load that says how many calls it makes",
        ),
        (
            [{"call": "a"}],
            {"p": {"file": "a.csv", "order": "once"}},
            {"load": BENCH, "workers": 2},
            "once needs a load that says",
        ),
        ([{"call": "a"}], PEOPLE, {"expect_workers": 1}, "data do not go with workers on other machines"),
        (
            [{"journey": "b", "steps": STEPS[:1]}],
            {},
            {"clients": {"steady": 1}},
            "journeys do not go with clients",
        ),
        (
            [{"call": "a"}],
            {},
            {"work": {"write": {"call": "a", "args": {"x": "{{people.id}}"}}, "read": {"call": "b"}}},
            "stands in calls of the workload only",
        ),
    ],
)
def test_what_is_not_there_is_said(workload: Any, data: Any, more: Any, message: str) -> None:
    """Before anything starts."""
    with pytest.raises(UsageError) as refused:
        read(workload, data, **more)

    assert message in "\n".join(refused.value.lines())


def test_headers_look_at_rows_that_a_user_keeps() -> None:
    """And at nothing else."""

    def target(text: str) -> dict[str, Any]:
        return {"target": {"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": text}}}

    assert read([{"call": "a"}], **target("Bearer {{people.token}}"))
    for text in ("{{people.tokens[0]}}", "{{uuid}}", "{{peple.token}}", "{{reply}}"):
        with pytest.raises(UsageError, match="may look at a column of a feeder whose order is own"):
            read([{"call": "a"}], **target(text))
    with pytest.raises(UsageError, match="may look at a column"):
        read([{"call": "a"}], {"people": {"file": "a.csv", "order": "random"}}, **target("{{people.token}}"))


def test_a_flag_is_the_same() -> None:
    """As a scenario would say it."""
    assert feeder_from_flag("people=a.csv,order=random,numbers=id+price") == (
        "people",
        {"file": "a.csv", "order": "random", "numbers": ["id", "price"]},
    )
    for text in ("people", "=a.csv", "people=", "people=a.csv,order", "people=a.csv,by=chance"):
        with pytest.raises(ValueError, match=r"NAME=FILE|after the file"):
            feeder_from_flag(text)
