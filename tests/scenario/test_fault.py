"""Reading faults: by the catalogue, with the path of what is wrong."""

from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import FAULTS
from harness.scenario.fault import FaultSpec, from_flag, read_faults
from harness.scenario.model import Target
from harness.scenario.plan.build import build
from harness.scenario.plan.describe import describe
from harness.scenario.read import scenario_of
from harness.scenario.several_processes import at_port

LOAD = [{"name": "climb", "ramp": {"to": 5}}, {"name": "steady", "sustain": {"users": 5, "for": "60s"}}]
LATENCY = {"fault": "latency", "at": "steady+10s", "for": "5s", "latency": "200ms"}


def test_a_fault_is_read_with_its_defaults() -> None:
    """Its kind's name, the client link, downstream, no jitter."""
    assert read_faults([LATENCY]) == [
        FaultSpec(
            name="latency",
            kind="latency",
            link="client",
            step="steady",
            offset_s=10,
            for_s=5,
            parameters={"latency": 0.2, "jitter": 0.0, "direction": "downstream"},
        )
    ]


@pytest.mark.parametrize(
    ("at", "expected"),
    [("10s", (None, 10)), ("steady", ("steady", 0)), ("steady + 1m", ("steady", 60)), ("0s", (None, 0))],
)
def test_a_time_counts_from_the_run_or_from_a_load_step(at: str, expected: tuple[str | None, float]) -> None:
    """With blanks or without."""
    (fault,) = read_faults([LATENCY | {"at": at}])  # type: ignore[misc]

    assert (fault.step, fault.offset_s) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fault": "latncy"}, "faults[0].fault: unknown fault 'latncy'; did you mean latency?"),
        ({"latency": None}, "faults[0].latency: is missing"),
        ({"latency": "200"}, "faults[0].latency: '200' is not a duration"),
        ({"jitter": "300ms"}, "faults[0].jitter: is more than the latency itself"),
        ({"direction": "sideways"}, "faults[0].direction: unknown choice 'sideways'"),
        ({"jiter": "1s"}, "faults[0].jiter: unknown key of latency 'jiter'; did you mean jitter?"),
        ({"link": "databse"}, "faults[0].link: unknown link 'databse'; did you mean database?"),
        ({"link": "redis"}, "faults[0].link: unknown link 'redis'; did you mean sessions?"),
        ({"link": "RabbitMQ"}, "faults[0].link: unknown link 'RabbitMQ'; did you mean queue?"),
        ({"link": "db"}, "faults[0].link: unknown link 'db'; did you mean database?"),
        ({"link": "moon"}, "unknown link 'moon'; there are client, database, queue, sessions"),
        ({"at": "10"}, "faults[0].at: '10' is no time"),
        ({"at": "steady+x"}, "faults[0].at: 'x' is not a duration"),
        ({"at": "stedy+1s"}, "there is no load step 'stedy'"),
        ({"for": "0s"}, "faults[0].for: must be more than zero"),
        ({"for": "soon"}, "faults[0].for: 'soon' is not a duration"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(change: dict[str, object], message: str) -> None:
    """Exit 2, the key, what would be right."""
    fault = {key: value for key, value in (LATENCY | change).items() if value is not None}
    with pytest.raises(UsageError) as caught:
        scenario_of({"name": "n", "load": LOAD, "faults": [fault]}, "x.yaml", {})

    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"fault": "pause", "pid": 1234}, ""),
        ({"fault": "kill", "pid": "1234"}, ""),
        ({"fault": "pause", "pid": "-1"}, "faults[0].pid: '-1' is no pid"),
        ({"fault": "pause", "pid": "nginx"}, "faults[0].pid: 'nginx' is no pid"),
        ({"fault": "pause", "pid": 1, "link": "target"}, "faults[0].pid: a fault has one place"),
        ({"fault": "down", "pid": 1}, "unknown key of down 'pid'"),
        ({"fault": "restart", "pid": 1}, "unknown key of restart 'pid'"),
    ],
)
def test_a_process_is_named_by_its_pid(fault: dict[str, object], message: str) -> None:
    """It is a place like others, of any target's; nobody can start it again but whoever started it."""
    data = {"name": "n", "load": LOAD, "target": {"url": "http://127.0.0.1:1/mcp"}}
    data["faults"] = [fault | {"at": "steady", "for": "5s"}]
    if message:
        with pytest.raises(UsageError) as caught:
            scenario_of(data, "x.yaml", {})
        assert message in str(caught.value)
    else:
        scenario = scenario_of(data, "x.yaml", {})
        assert scenario.faults[0].link == "pid:1234"
        assert "process 1234" in describe(build(scenario))


DEPLOYED = {"command": ["server", "--port", "{port}"], "url": "http://127.0.0.1:{port}/mcp"}


@pytest.mark.parametrize("kind", ["rolling_restart", "blue_green"])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({}, ""),
        (DEPLOYED, ""),
        (DEPLOYED | {"command": ["server"], "env": {"PORT": "{port}"}}, ""),
        ({"url": "http://127.0.0.1:1/mcp"}, "is for a server with an address that the harness starts"),
        (DEPLOYED | {"command": ["server"]}, "each process needs a port of its own"),
        (DEPLOYED | {"url": "http://127.0.0.1:1/mcp"}, "each process needs a port of its own"),
        (DEPLOYED | {"ready": "http://127.0.0.1:1/"}, "each process needs a port of its own"),
    ],
)
def test_a_deploy_without_a_gap_needs_a_server_that_can_run_several_times(
    kind: str, target: dict[str, Any], message: str
) -> None:
    """The reference server can; a command of the user's is told its port."""
    deploy = {"fault": kind, "at": "steady+10s", "for": "10s", "link": "target"}
    data = {"name": "n", "load": LOAD, "faults": [deploy], "target": target}
    if message:
        with pytest.raises(UsageError, match=message):
            scenario_of(data, "x.yaml", {})
    else:
        assert build(scenario_of(data, "x.yaml", {})).faults[0].kind == kind


@pytest.mark.parametrize("target", [DEPLOYED, {}])
def test_several_processes_may_be_asked_for_by_themselves(target: dict[str, Any]) -> None:
    """As many as sixteen, and of a server that the harness starts."""
    data = {"name": "n", "load": LOAD, "target": target | {"processes": 3, "balance": "requests"}}
    assert scenario_of(data, "x.yaml", {}).target.processes == 3
    for refused in ({"url": "http://127.0.0.1:1/mcp"}, {"transport": "stdio", "command": ["x"]}):
        with pytest.raises(UsageError, match="processes"):
            scenario_of(data | {"target": refused | {"processes": 3}}, "x.yaml", {})
    with pytest.raises(UsageError, match="processes"):
        scenario_of(data | {"target": {"processes": 17}}, "x.yaml", {})


def test_each_process_is_told_its_port_wherever_it_stands() -> None:
    target = at_port(
        Target(
            command=["s", "{port}"],
            env={"URL": "http://x:{port}"},
            url="http://h:{port}/mcp",
            ready="http://h:{port}/",
        ),
        8001,
    )
    assert (target.command, target.env) == (["s", "8001"], {"URL": "http://x:8001"})
    assert (target.url, target.ready) == ("http://h:8001/mcp", "http://h:8001/")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ({}, "is a list of faults"),
        (["down"], "is a mapping"),
        ([{"fault": "down", "for": "1s"}], "faults[0].at: is missing"),
        ([LATENCY, LATENCY], "two faults are called 'latency'"),
    ],
)
def test_what_is_no_list_of_faults_is_refused(faults: object, message: str) -> None:
    """Or two that cannot be told apart."""
    with pytest.raises(UsageError) as caught:
        scenario_of({"name": "n", "load": LOAD, "faults": faults}, "x.yaml", {})

    assert message in str(caught.value)


@pytest.mark.parametrize("link", ["database", "queue", "sessions"])
def test_a_link_behind_the_target_is_the_reference_target_s(link: str) -> None:
    """Of somebody's server the harness sees the client link only."""
    data = {"name": "n", "load": LOAD, "faults": [LATENCY | {"link": link}]}
    assert scenario_of(data, "x.yaml", {}).faults[0].link == link
    with pytest.raises(UsageError, match=f"{link} link is the reference target's"):
        scenario_of(data | {"target": {"url": "http://127.0.0.1:1/mcp"}}, "x.yaml", {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("down:at=1s,for=2s", {"fault": "down", "at": "1s", "for": "2s"}),
        ("latency: latency = 1s , at=2s", {"fault": "latency", "latency": "1s", "at": "2s"}),
        ("noop", {"fault": "noop"}),
    ],
)
def test_a_flag_is_the_same_mapping(text: str, expected: dict[str, str]) -> None:
    """So that both are checked alike."""
    assert from_flag(text) == expected


def test_a_flag_that_is_no_list_of_pairs_is_refused() -> None:
    """It names the piece."""
    with pytest.raises(ValueError, match="'now' is not key=value"):
        from_flag("down:now")


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        ([LATENCY | {"at": "5s"}], "falls into the ramp climb"),
        ([LATENCY | {"at": "climb+1s"}], "falls into the ramp climb"),
        ([LATENCY | {"at": "steady+58s"}], "goes on after the load has ended"),
        ([LATENCY, LATENCY | {"name": "other", "at": "steady+14s"}], "overlap on the client link"),
    ],
)
def test_a_fault_that_would_spoil_the_run_is_refused_when_the_plan_is_built(
    faults: list[object], message: str
) -> None:
    """In a ramp, beyond the load, on top of another."""
    with pytest.raises(UsageError, match=message):
        build(scenario_of({"name": "n", "load": LOAD, "faults": faults}, "x.yaml", {}))


def test_faults_on_two_links_may_overlap_and_stand_on_the_timeline() -> None:
    """Where they begin, for how long, on which link, with what."""
    faults = [
        LATENCY,
        LATENCY | {"name": "slow-db", "link": "database", "at": "steady+12s", "jitter": "50ms"},
    ]
    plan = build(scenario_of({"name": "n", "load": LOAD, "faults": faults}, "x.yaml", {}))

    assert [(fault.name, fault.starts_s, fault.ends_s) for fault in plan.faults] == [
        ("latency", 20, 25),
        ("slow-db", 22, 27),
    ]
    assert [" ".join(line.split()) for line in describe(plan).splitlines() if "!" in line] == [
        "20s ! latency for 5s client link latency 200ms, direction downstream",
        "22s ! slow-db for 5s database link latency 200ms, jitter 50ms, direction downstream",
    ]


def test_every_fault_of_the_catalogue_can_be_read() -> None:
    """With nothing but what it must be given."""
    for kind, known in FAULTS.items():
        some = {"duration": "100ms", "size": "1KB", "rate": "64KB/s"}
        must = {
            name: one.choices[0] if one.choices else some[one.kind]
            for name, one in known.parameters.items()
            if one.default is None
        }
        (fault,) = read_faults([{"fault": kind, "at": "1s", "for": "1s", **must}])  # type: ignore[misc]
        assert fault.kind == kind


RUDE = {"fault": "rude", "at": "steady+10s", "for": "5s", "how": "expired"}


def test_rude_clients_come_in_at_the_door_under_the_name_of_their_manner() -> None:
    """Twenty of them, twice a second each, unless something else is said."""
    (fault,) = read_faults([RUDE])  # type: ignore[misc]

    assert (fault.name, fault.link) == ("rude-expired", "door")
    assert fault.parameters == {"how": "expired", "clients": 20.0, "every": 0.5}

    (large,) = read_faults([RUDE | {"how": "oversized"}])  # type: ignore[misc]
    assert large.parameters["size"] == 1_000_000.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"how": None}, "[0].how: is missing (what they do: disconnect, slow_send,"),
        ({"how": "expird"}, "[0].how: unknown choice 'expird'; did you mean expired?"),
        ({"clients": "0"}, "[0].clients: must be more than zero"),
        ({"clients": "many"}, "[0].clients: 'many' is not a number"),
        ({"clients": "1001"}, "[0].clients: at most 1,000"),
        ({"every": "1ms"}, "[0].every: is too short; at most 1,000 actions a second"),
        ({"clients": "900"}, "[0].every: is too short"),
        ({"how": "oversized", "size": "5MB"}, "[0].size: is too much for 20 clients every 0.5s"),
        ({"link": "client"}, "[0].link: unknown link 'client'; there are door"),
    ],
)
def test_rude_clients_are_bounded(change: dict[str, object], message: str) -> None:
    """So that they disturb the server, and not the measurement."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what is asked about
        read_faults([RUDE | change])

    assert message in str(caught.value)
