"""Building plans: the numbers drawn in harness/scenario/plan/plan.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.load import Ramp
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe
from harness.scenario.plan.profiles import levels
from harness.scenario.plan.warnings import warnings
from harness.scenario.read import scenario_of


@pytest.mark.parametrize(
    ("to", "step", "expected"),
    [(50, 5, list(range(5, 51, 5))), (12, 5, [5, 10, 12]), (3, 5, [3]), (5, 5, [5]), (1, 1, [1])],
)
def test_a_ramp_always_ends_at_its_maximum(to: int, step: int, expected: list[int]) -> None:
    """Whether or not the step divides it."""
    assert levels(Ramp(to=to, step=step)) == expected


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_levels_only_rise_and_end_at_the_maximum(to: int, step: int) -> None:
    """For any maximum and step."""
    found = levels(Ramp(to=to, step=step))

    assert found == sorted(set(found))
    assert found[-1] == to


def test_steps_follow_each_other_on_one_clock() -> None:
    """Hold, rest, the next phase; settling is a fifth of the hold, at most two seconds."""
    plan = build(
        scenario_of(
            {
                "name": "n",
                "load": [
                    {"name": "climb", "ramp": {"to": 10, "hold": "5s", "rest": "1s"}},
                    {"sustain": {"users": "last_good", "for": "60s"}},
                ],
            },
            "x",
        )
    )

    assert [
        (step.index, step.phase, step.users, step.starts_s, step.ends_s, step.settle_s) for step in plan.steps
    ] == [
        (0, "climb", 5, 0, 5, 1),
        (1, "climb", 10, 6, 11, 1),
        (2, "sustain-2", "last_good", 12, 72, 2),
    ]
    assert (plan.duration_s, plan.max_users, plan.as_json()["steps"][2]["hold_s"]) == (72, 10, 60)


def test_a_plan_prints_as_a_timeline() -> None:
    """What `harness plan` shows."""
    data = {
        "name": "n",
        "seed": 7,
        "load": [
            {"name": "climb", "ramp": {"to": 10, "hold": "90s"}},
            {"name": "counted", "ramp": {"to": 5, "requests_per_user": 10}},
            {"name": "steady", "sustain": {"users": "last_good", "for": "5m"}},
        ],
    }

    assert describe(build(scenario_of(data, "x"))) == (
        "n: 4 steps, 8m10s, seed 7\n"
        "\n"
        "     0s  climb for 1m30s         5 users  ############\n"
        "  1m30s  climb for 1m30s        10 users  ########################\n"
        "     3m  counted for 50 calls    5 users  ############\n"
        "  3m10s  steady for 5m         last_good\n"
        "\n"
        "A ramp ends at the first level below 95% success.\n"
        "\n"
        "Users pause between calls (--no-think: they do not).\n"
        "\n"
        "A run writes 10.9 MB, and 120 bytes for each call: about 63.1 MB if each user makes 100 calls a second."
    )


USERS, CALLS = {"sustain": {"users": 5, "for": "60s"}}, {"rate": {"rate": "5/s", "for": "60s"}}


@pytest.mark.parametrize(
    ("link", "load", "asked", "warned"),
    [
        ("client", USERS, {}, "and users keep their connections open, so it may touch no call; --calls-per-connection 20"),
        ("client", USERS, {"calls_per_connection": 20}, ""),
        ("client", CALLS, {}, ""),
        ("database", USERS, {"calls_per_connection": 20}, "when the target opens connections on the database link is unknown"),
        ("database", USERS, {"matrix": True}, ""),
    ],
)  # fmt: skip
def test_a_plan_warns_of_a_fault_that_only_new_connections_meet(
    link: str, load: dict[str, object], asked: dict[str, object], warned: str
) -> None:
    """Where nobody opens one, or nobody can know who does; a matrix says so in its row."""
    fault = {"name": "slow", "fault": "slow_close", "link": link, "delay": "1s", "at": "20s", "for": "20s"}
    plan = build(scenario_of({"name": "n", "load": [load], "faults": [fault], **asked}, "x.yaml", {}))

    assert len(warnings(plan)) == bool(warned)
    assert warned in " ".join(warnings(plan))


@pytest.mark.parametrize(
    ("many", "said"), [(None, ""), (1, "closed after 1 call, and"), (20, "closed after 20 calls, and")]
)
def test_a_plan_says_how_long_connections_are_kept(many: int | None, said: str) -> None:
    """Or nothing, where they are kept; plan.json has it, too."""
    load = [{"sustain": {"users": 5, "for": "60s"}}]
    plan = build(scenario_of({"name": "n", "load": load, "calls_per_connection": many}, "x.yaml", {}))

    assert said in describe(plan)
    assert ("An HTTP connection is closed" in describe(plan)) == bool(said)
    assert plan.as_json()["calls_per_connection"] == many


@pytest.mark.parametrize(
    ("retries", "said", "warned"),
    [
        (None, "", []),
        ({}, "A call that failed is tried 3 times in all, after waits of up to 100ms to 2s, as a budget of 20% allows.", []),
        (
            {"attempts": 5, "budget": "none"},
            "A call that failed is tried 5 times in all, after waits of up to 100ms to 2s, without a budget.",
            ["Clients retry without a retry budget: a failing server gets up to 5 times its load, and may never recover"],
        ),
    ],
)  # fmt: skip
def test_a_plan_says_how_clients_try_again(
    retries: dict[str, object] | None, said: str, warned: list[str]
) -> None:
    """And warns of those who know no limit."""
    load = [{"sustain": {"users": 5, "for": "60s"}}]
    plan = build(scenario_of({"name": "n", "load": load, "retries": retries}, "x.yaml", {}))

    assert said in describe(plan)
    assert ("is tried" in describe(plan)) == bool(said)
    assert warnings(plan) == warned


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"load": [{"sustain": {"users": 2, "for": "5s"}}]}, "sustain-1 will have about 4 calls"),
        ({"load": [{"sustain": {"users": 2, "for": "5s"}}]}, "--for 21s"),
        ({"load": [{"sustain": {"users": 20, "for": "5s"}}]}, ""),
        ({"load": [{"sustain": {"users": 2, "for": "5s"}}], "think": False}, ""),
        ({"load": [{"sustain": {"users": 2, "for": "5s"}}], "target": {"url": "http://127.0.0.1:1/mcp"}}, ""),
    ],
)
def test_too_few_calls_for_a_median_are_said_with_the_least_that_is_enough(more, said) -> None:
    text = describe(build(scenario_of({"name": "n"} | more, "x")))

    assert said in text if said else "calls, as users pause" not in text


def test_a_plan_says_what_is_written_beside_the_load_and_whether_users_pause() -> None:
    work = {"write": {"call": "add", "args": {"e": "{{entry}}"}}, "read": {"call": "list"}, "rate": "5/s"}
    data = {"name": "n", "load": [{"sustain": {"users": 2, "for": "60s"}}], "work": work, "think": False}
    text = describe(build(scenario_of(data, "x")))

    assert "Beside the load add writes 5 entries a second, list reads them back at the end." in text
    assert "Users call again as soon as they have an answer (--think: they pause)." in text
