"""The resilience matrix as a scenario: what it plans comes from the catalogue, and fits the target."""

from collections.abc import Collection
from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario import inapplicable
from harness.scenario.catalogue import FAULTS, LINKS, RUDE
from harness.scenario.matrix import FULL, QUICK, TOGETHER, Times, reachable, rows, scenario, wanted
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe
from harness.scenario.plan.plan import Plan
from harness.scenario.plan.warnings import warnings
from harness.scenario.read import scenario_of

EVERYWHERE = frozenset(LINKS)


def planned(times: Times, only: tuple[str, ...] = ()) -> Plan:
    return build(scenario_of(scenario(rows(EVERYWHERE, only), times, 20), "a test"))


@pytest.mark.parametrize("times", [FULL, QUICK, Times(10, 1, 10)])
def test_every_fault_of_the_catalogue_is_planned_where_it_can_be_and_can_be_measured(times: Times) -> None:
    """A step for each, in its order; the placebo once; and nothing to warn of."""
    plan = planned(times)

    several = {"noop": ["client"], "rude": RUDE}  # one place, all manners
    alone = {f"{kind}-{which}" for kind, known in FAULTS.items() for which in several.get(kind, known.links)}
    assert {step.phase for step in plan.steps} == alone | set(TOGETHER)
    assert {fault.step for fault in plan.faults} == {step.phase for step in plan.steps}
    assert plan.matrix
    too_few = [text for text in warnings(plan) if "as users pause" in text]
    assert bool(too_few) == (times.for_s < 2)  # twenty users who pause make ten calls in a second
    assert warnings(plan) == too_few


@pytest.mark.parametrize("times", [FULL, QUICK, Times(10, 1, 10)])
def test_two_faults_at_once_overlap_and_the_second_outlasts_the_first(times: Times) -> None:
    """Recovery is told from the second."""
    slow, kill = planned(times, ("kill-with-slow-database",)).faults

    assert (slow.kind, slow.link, kill.kind, kill.link) == ("latency", "database", "kill", "target")
    assert slow.starts_s < kill.starts_s < slow.ends_s < kill.ends_s


@pytest.mark.parametrize("kind", FAULTS)
def test_every_parameter_of_a_fault_has_a_value_for_the_matrix(kind: str) -> None:
    """Its default, or what is usual, or each of its choices in a row of its own."""
    assert all(one.default or one.usual or one.choices for one in FAULTS[kind].parameters.values())


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        (("kill",), ["kill-target", "kill-postgres"]),
        (("kill-target", "noop"), ["noop-client", "kill-target"]),
        (("kill-with-slow-database",), ["kill-with-slow-database"]),
        (("rude-expired",), ["rude-expired"]),
        (("rude",), [f"rude-{how}" for how in RUDE]),
    ],
)
def test_some_can_be_chosen_by_kind_or_by_row(only: tuple[str, ...], expected: list[str]) -> None:
    """In the order of the catalogue, whatever the order they were asked for."""
    assert list(rows(EVERYWHERE, only)) == expected


TARGETS = [
    # the target, the environment, what cannot be reached
    ({}, {"AMQP_URL": "amqp://127.0.0.1", "REDIS_URL": "redis://127.0.0.1"}, set()),
    ({}, {}, {"queue", "sessions"}),
    ({"url": None}, {"DATABASE_URL": "postgresql://127.0.0.1/mine"}, {"postgres", "queue", "sessions"}),
    ({"url": "http://127.0.0.1:1/mcp"}, {}, EVERYWHERE - {"client", "door"}),
    ({"url": "http://127.0.0.1:1/sse", "protocol": "sse"}, {}, EVERYWHERE - {"client"}),
    ({"command": ["mine"], "url": "http://127.0.0.1:1/mcp"}, {}, EVERYWHERE - {"client", "target", "door"}),
]


STDIO = {"transport": "stdio", "command": ["mine"]}
NOT_APPLICABLE = [
    # the target, the environment, what was asked for, which rows cannot be, by the reason
    (STDIO, {}, ("kill", "pause"), {inapplicable.NOT_SEEN: ["kill-postgres", "pause-postgres"]}),
    (STDIO, {}, ("noop", "rude-expired", "restart-target"), {
        inapplicable.NO_NETWORK: ["noop-client"],
        inapplicable.NO_HTTP: ["rude-expired"],
        inapplicable.NO_SERVER: ["restart-target"],
    }),
    ({"url": "http://127.0.0.1:1/mcp"}, {}, ("kill-target", "down-database"), {
        inapplicable.NOT_SEEN: ["down-database"], inapplicable.NOT_OURS: ["kill-target"],
    }),
    ({"url": "http://127.0.0.1:1/sse", "protocol": "sse"}, {}, ("rude-expired",), {inapplicable.NO_DOOR: ["rude-expired"]}),
    ({"url": "http://127.0.0.1:1/mcp", "command": ["mine"]}, {}, ("rolling_restart", "kill-target"), {
        inapplicable.NO_SECOND: ["rolling_restart-target"],
    }),
    ({}, {"DATABASE_URL": "postgresql://127.0.0.1/mine"}, ("kill", "noop"), {inapplicable.OWN_DATABASE: ["kill-postgres"]}),
    ({}, {}, ("down",), {
        inapplicable.BROKERS["queue"]: ["down-queue"], inapplicable.BROKERS["sessions"]: ["down-sessions"],
    }),
    ({}, {"AMQP_URL": "amqp://127.0.0.1", "REDIS_URL": "redis://127.0.0.1"}, (), {}),
]  # fmt: skip


@pytest.mark.parametrize(("target", "environ", "only", "expected"), NOT_APPLICABLE)
def test_what_cannot_apply_is_said_with_its_reason(
    target: dict[str, Any], environ: dict[str, str], only: tuple[str, ...], expected: dict[str, list[str]]
) -> None:
    """And every row that was asked for either is, or is among those."""
    there = reachable(target, environ)
    asked = wanted(only)
    fit = {name for name in asked if name in _fitting(there, only)}
    found = inapplicable.beyond(asked, fit, there, target)

    assert found == expected
    assert fit | {row for rows_ in found.values() for row in rows_} == {*asked}


def _fitting(there: frozenset[str], only: tuple[str, ...]) -> Collection[str]:
    try:
        return rows(there, only)
    except UsageError:
        return ()


def test_over_stdio_processes_of_sessions_are_killed_and_paused() -> None:
    """The plan has the two rows, and says what it lacks; anything else alone is refused, with what would do."""
    fit = rows(reachable(STDIO, {}))
    lacking = {inapplicable.NO_NETWORK: [f"row-{number}" for number in range(6)]}
    plan = build(
        scenario_of(
            scenario(fit, QUICK, 5, {}, lacking) | {"target": STDIO, "workload": [{"list": "tools"}]},
            "a test",
        )
    )

    assert list(fit) == ["kill-target", "pause-target"]
    assert [(fault.kind, fault.link) for fault in plan.faults] == [("kill", "target"), ("pause", "target")]
    assert f"Not applicable: row-0, row-1, row-2, row-3 and 2 more: {inapplicable.NO_NETWORK}." in describe(
        plan
    )
    with pytest.raises(UsageError, match="None of these faults fits a server over stdio") as raised:
        rows(reachable(STDIO, {}), ["latency"])
    assert "--only kill,pause" in raised.value.todo


@pytest.mark.parametrize(("target", "environ", "beyond"), TARGETS)
def test_only_what_fits_the_target_is_done_to_it(
    target: dict[str, str], environ: dict[str, str], beyond: set[str]
) -> None:
    """Of somebody's server the way to it; of one that we start its processes, too."""
    assert EVERYWHERE - reachable(target, environ) == beyond


def test_a_broker_is_there_when_a_row_on_the_way_to_it_is_asked_for() -> None:
    """The harness starts one of its own for it."""
    assert reachable({}, {}, ["down-queue"]) == EVERYWHERE - {"sessions"}
    assert list(rows(reachable({}, {}, ["down-queue"]), ["down-queue"])) == ["down-queue"]


def test_a_deploy_of_two_processes_is_for_the_reference_server() -> None:
    """Of another one the harness starts one at most."""
    assert "rolling_restart-target" in rows(reachable({}, {}))
    assert "rolling_restart-target" not in rows({"client", "target"})


def test_a_word_that_is_no_fault_is_met_with_the_one_that_was_meant() -> None:
    """And faults that all do not fit are refused before anything starts."""
    with pytest.raises(UsageError, match="Did you mean kill"):
        rows(EVERYWHERE, ["kil"])
    with pytest.raises(UsageError, match="None of these faults fits"):
        rows({"client"}, ["kill"])
