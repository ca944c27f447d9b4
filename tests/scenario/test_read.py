"""Reading scenarios: strictly, with the path of what is wrong."""

from pathlib import Path

import pytest
import yaml

from harness.foundation.errors import UsageError
from harness.scenario.model import DEFAULT_MIX
from harness.scenario.read import read_file, scenario_of

LOAD = [{"ramp": {"to": 10}}]


def test_a_scenario_of_nothing_but_load_has_the_documented_defaults() -> None:
    """The reference target, the three classes, everything found out by itself."""
    scenario = scenario_of({"name": "n", "load": LOAD}, "x.yaml", {})

    ramp = scenario.load[0].ramp
    assert ramp is not None
    assert (ramp.to, ramp.step, ramp.hold, ramp.break_below, ramp.rest) == (10, None, 10.0, 0.95, 0.0)
    assert (scenario.mix, scenario.target.protocol, scenario.timeout, scenario.workers) == (
        DEFAULT_MIX,
        "auto",
        30,
        1,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"load": [{"ramp": {"to": 10, "hodl": "3s"}}]},
            "load[0].ramp.hodl: unknown key; did you mean hold?",
        ),
        ({"lode": []}, "lode: unknown key; did you mean load?"),
        ({"target": {"xyz": "x"}}, "target.xyz: unknown key; there are url, protocol"),
        ({"load": [{"ramp": {"to": 10, "hold": "3"}}]}, "load[0].ramp.hold: '3' is not a duration"),
        ({"load": [{"ramp": {"to": 10, "hold": "0s"}}]}, "load[0].ramp.hold: must be more than zero"),
        (
            {"load": [{"ramp": {"to": 10, "break_below": "95"}}]},
            "load[0].ramp.break_below: '95' is not a share",
        ),
        ({"load": [{"ramp": {"to": 0}}]}, "load[0].ramp.to: should be from 1 to 100,000 users"),
        ({"load": []}, "load: should have at least 1 item"),
        ({"load": [{}]}, "load[0] needs exactly one kind of load"),
        ({"load": [{"ramp": {"to": 1}, "sustain": {"users": 1, "for": "1s"}}]}, "exactly one kind of load"),
        ({"load": [{"sustain": {"users": "last_good", "for": "1s"}}]}, "no ramp comes before it"),
        ({"load": [{"name": "a", "ramp": {"to": 1}}, {"name": "a", "ramp": {"to": 1}}]}, "'a' is used twice"),
        ({"load": [{"ramp": {"to": "50/s", "step": 5}}]}, "load[0].ramp mixes users and rates"),
        ({"load": [{"steps": {"levels": [5, "5/s"]}}]}, "load[0].steps mixes users and rates"),
        ({"load": [{"spike": {"base": 5, "peak": "9/s"}}]}, "load[0].spike mixes users and rates"),
        (
            {"load": [{"ramp": {"to": True}}]},
            "load[0].ramp.to: True is neither a number of users (50) nor a rate",
        ),
        ({"load": [{"rate": {"rate": 50, "for": "9s"}}]}, "load[0].rate.rate: '50' is not a rate"),
        (
            {"load": [{"rate": {"rate": "9000000/s", "for": "9s"}}]},
            "load[0].rate.rate: should be at most 1,000,000/s",
        ),
        ({"load": [{"ramp": {"to": 50, "max_users": 5}}]}, "load[0].ramp.max_users: is for open load only"),
        (
            {"load": [{"soak": {"level": 5, "for": "1h", "arrivals": "poisson"}}]},
            "load[0].soak.arrivals: is for open load only",
        ),
        (
            {"load": [{"ramp": {"to": "9/s", "requests_per_user": 5}}]},
            "requests_per_user: calls that arrive at a rate",
        ),
        (
            {"load": [{"rate": {"rate": "9/s", "for": "9s", "max_users": 2}}]},
            "load[0].rate.max_users: 2 is too few",
        ),
        (
            {"load": [{"ramp": {"to": "9/s"}}, {"sustain": {"users": "last_good", "for": "1s"}}]},
            "no ramp comes before it",
        ),
        ({"load": [{"ramp": {"to": 9, "break_unless": ["p95 << 1s"]}}]}, "p95 cannot be compared with"),
        ({"load": [{"ramp": {"to": 9, "break_unless": ["p95 < 1s in x"]}}]}, "a level is judged as a whole"),
        (
            {"load": [{"ramp": {"to": 9, "break_unless": ["recovery < 1s"]}}]},
            "recovery is not measured for a single level",
        ),
        ({"mix": {"light": 0}}, "has no users"),
        ({"mix": {"lite": 1}}, "mix.lite: should be 'light', 'heavy' or 'websocket'"),
        ({"target": {"command": ["serve"]}}, "but not its address"),
        (
            {"target": {"ready": "http://127.0.0.1:9/"}},
            "target.ready is for a server that the harness starts",
        ),
        ({"target": {"protocol": "http"}}, "target.protocol: should be 'auto'"),
        (
            {"workload": [{"call": "t", "args": {"n": "{{nope}}"}}]},
            "workload[0].args: unknown template {{nope}}",
        ),
        (
            {"work": {"write": {"call": "w", "args": {"n": "{{entry}} {{nope}}"}}, "read": {"call": "r"}}},
            "work.write.args: unknown template {{nope}}",
        ),
        ({"name": "a/b"}, "name: "),
        ({"target": {"headers": {"A": "${HARNESS_TEST_NOT_SET}"}}}, "HARNESS_TEST_NOT_SET is not set"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: dict[str, object], message: str) -> None:
    """Unknown key, wrong unit, impossible value: exit 2, where, and what would be right."""
    with pytest.raises(UsageError) as caught:
        scenario_of({"name": "n", "load": LOAD} | change, "x.yaml", {})

    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_values_come_from_the_environment_where_the_scenario_says_so() -> None:
    """Secrets need not stand in the file."""
    data = {"name": "n", "load": LOAD, "target": {"headers": {"Authorization": "Bearer ${TOKEN}"}}}

    assert scenario_of(data, "x", {"TOKEN": "t"}).target.headers == {"Authorization": "Bearer t"}


@pytest.mark.parametrize(
    ("text", "message"),
    [("a: [", "is not valid YAML"), ("- a\n- b", "is not a scenario"), (None, "Cannot read the scenario")],
)
def test_a_file_that_is_no_scenario_says_so(tmp_path: Path, text: str | None, message: str) -> None:
    """Not there, not YAML, not a mapping."""
    path = tmp_path / "s.yaml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(UsageError, match=message):
        read_file(path)


def test_a_scenario_without_a_name_takes_its_file_s(tmp_path: Path) -> None:
    """nightly.yaml is the scenario nightly."""
    (tmp_path / "nightly.yaml").write_text(yaml.safe_dump({"load": LOAD}))

    assert scenario_of(read_file(tmp_path / "nightly.yaml"), "x").name == "nightly"


def test_every_scenario_that_ships_can_be_read() -> None:
    """scenarios/ holds no broken example."""
    paths = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))

    assert [scenario_of(read_file(path), str(path), {}).name for path in paths] == [
        path.stem for path in paths
    ]
    assert paths


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({}, "exactly one of call, read, prompt, list and journey"),
        ({"call": "a", "read": "b"}, "exactly one of call, read, prompt, list and journey"),
        ({"list": "tools", "args": {"a": 1}}, "args go with call or prompt"),
        ({"list": "toolz"}, "should be 'tools'"),
        ({"read": "{{nothing}}"}, "unknown template"),
        ({"read": ""}, "at least 1 character"),
    ],
)
def test_an_entry_of_a_workload_asks_for_one_thing(entry: dict[str, object], why: str) -> None:
    """And says where it does not."""
    with pytest.raises(UsageError, match="workload") as raised:
        scenario_of({"name": "x", "load": [{"sustain": {"users": 1, "for": "1s"}}], "workload": [entry]}, "x")

    assert why in raised.value.why


@pytest.mark.parametrize(
    ("given", "here", "elsewhere"),
    [
        ({}, 1, 0),
        ({"workers": 3}, 3, 0),
        ({"expect_workers": 2}, 0, 2),
        ({"expect_workers": 2, "workers": 1}, 1, 2),
    ],
)
def test_who_has_others_make_the_load_makes_none_here_unless_asked(
    given: dict[str, int], here: int, elsewhere: int
) -> None:
    """As with Locust's master."""
    scenario = scenario_of({"name": "n", "load": [{"sustain": {"users": 1, "for": "1s"}}], **given}, "test")

    assert (scenario.workers, scenario.expect_workers) == (here, elsewhere)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"workers": 0}, "has no workers"),
        ({"bind": "5557"}, "HOST:PORT"),
        ({"bind": "0.0.0.0:0"}, "HOST:PORT"),
        ({"bind": "host:99999"}, "HOST:PORT"),
        ({"bind": "a" * 70 + ":5557"}, "at most 63 characters"),
        ({"bind": "[::1:5557"}, "IPv6"),
        ({"bind": "a\0b:5557"}, "not text"),
    ],
)
def test_a_load_that_nobody_makes_or_nobody_can_join_is_refused(given: dict[str, object], said: str) -> None:
    """Before anything starts."""
    with pytest.raises(UsageError, match=said):
        scenario_of({"name": "n", "load": [{"sustain": {"users": 1, "for": "1s"}}], **given}, "test")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"calls_per_connection": 0}, "calls_per_connection: should be greater than or equal to 1"),
        ({"calls_per_connection": "many"}, "calls_per_connection: "),
        ({"call_per_connection": 5}, "call_per_connection: unknown key; did you mean calls_per_connection?"),
    ],
)
def test_connections_carry_a_call_at_least(data: dict[str, object], message: str) -> None:
    """The path of the key, and what would be right."""
    with pytest.raises(UsageError) as caught:
        scenario_of({"name": "n", "load": LOAD, **data}, "x.yaml", {})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("retries", "attempts", "waits_s", "budget"),
    [
        ({}, 3, (0.1, 2.0), 0.2),
        ({"attempts": 5, "backoff": "1s .. 1s", "budget": "none"}, 5, (1.0, 1.0), None),
    ],
)
def test_retries_have_defaults_and_may_be_without_a_budget(
    retries: dict[str, object], attempts: int, waits_s: tuple[float, float], budget: float | None
) -> None:
    """`retries: {}` is enough."""
    found = scenario_of({"name": "n", "load": LOAD, "retries": retries}, "x.yaml", {}).retries

    assert found is not None
    assert (found.attempts, (found.backoff.first_s, found.backoff.most_s), found.budget) == (
        attempts,
        waits_s,
        budget,
    )


@pytest.mark.parametrize(
    ("retries", "message"),
    [
        ({"atempts": 3}, "retries.atempts: unknown key; did you mean attempts?"),
        ({"attempts": 1}, "retries.attempts: should be greater than or equal to 2"),
        ({"backoff": "3s"}, "retries.backoff: '3s' is not a range of waiting times"),
        ({"backoff": "3s..1s"}, "retries.backoff: '3s..1s' should be above zero"),
        ({"backoff": "1..2"}, "retries.backoff: '1' is not a duration"),
        ({"budget": "0%"}, "retries.budget: must be more than zero; leave retries out"),
        ({"budget": "lots"}, "retries.budget: 'lots' is not a share"),
    ],
)
def test_what_is_wrong_with_retries_is_named(retries: dict[str, object], message: str) -> None:
    """The path of the key, and what would be right."""
    with pytest.raises(UsageError) as caught:
        scenario_of({"name": "n", "load": LOAD, "retries": retries}, "x.yaml", {})

    assert message in str(caught.value)
