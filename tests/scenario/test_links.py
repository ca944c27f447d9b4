"""Links of your own, as a scenario and a flag describe them."""

from typing import Any

import pytest

from harness.foundation.errors import UsageError
from harness.scenario import matrix
from harness.scenario.links import link_from_flag
from harness.scenario.model import Scenario
from harness.scenario.read import scenario_of

DB: dict[str, Any] = {"upstream": "127.0.0.1:5432", "speaks": "postgres", "env": "DATABASE_URL"}
STARTED = {"command": ["serve"], "url": "http://127.0.0.1:9000/mcp"}


def read(links: Any, target: Any = STARTED, **more: Any) -> Scenario:
    data = {
        "name": "x",
        "target": target,
        "links": links,
        "workload": [{"call": "echo"}],
        "load": [{"name": "steady", "sustain": {"users": 1, "for": "60s"}}],
        **more,
    }
    return scenario_of(data, "s.yaml", {"WORD": "hidden-word"})


def test_a_fault_may_act_on_a_link_of_your_own() -> None:
    """Every fault of the network; its scheme may say what is spoken, and a variable may be named by its parts."""
    links = {
        "db": DB,
        "api": {"upstream": "http://127.0.0.1:9001", "env": {"host": "API_HOST", "port": "API_PORT"}},
    }
    faults = [
        {"fault": "down", "link": "db", "at": "10s", "for": "5s"},
        {"fault": "latency", "link": "api", "latency": "1s", "at": "30s", "for": "5s"},
    ]

    scenario = read(links, faults=faults)

    assert [fault.link for fault in scenario.faults] == ["db", "api"]
    assert [link.protocol for link in scenario.links.values()] == ["postgres", "http"]


@pytest.mark.parametrize(
    ("links", "target", "message"),
    [
        (
            {"db": {"upstream": "127.0.0.1:1", "env": "A"}},
            STARTED,
            "links.db: says what is spoken there: speaks: postgres, redis",
        ),
        ({"db": {**DB, "speaks": "postgre"}}, STARTED, "links.db.speaks: should be 'postgres', 'redis'"),
        (
            {"db": {**DB, "upstream": "redis://127.0.0.1:1"}},
            STARTED,
            "upstream is an address of redis, and speaks says postgres",
        ),
        (
            {"db": {"upstream": "https://127.0.0.1:1", "env": "A"}},
            STARTED,
            "its certificate would not be valid at the address of a proxy",
        ),
        ({"db": {"speaks": "postgres", "listen": 5433}}, STARTED, "says where it leads: upstream, or env"),
        (
            {"db": {"upstream": "127.0.0.1:1", "speaks": "tcp"}},
            STARTED,
            "says how the server comes by it: env",
        ),
        ({"db": {**DB, "send": "PING"}}, STARTED, "send is for speaks: tcp"),
        ({"db": {**DB, "env": "A B"}}, STARTED, "'A B' is no name of an environment variable"),
        ({"db": {**DB, "listen": "10.0.0.1:80"}}, STARTED, "is not a port of this machine"),
        ({"database": DB}, STARTED, "database is the name of a place that the harness knows"),
        ({"d b": DB}, STARTED, "is no name of a link"),
        (
            {"db": DB, "two": DB | {"listen": 1}, "three": DB | {"listen": 1}},
            STARTED,
            "two of them listen at the same port",
        ),
        ({"db": DB}, {}, "links are for a server of your own"),
        (
            {"db": DB},
            {"url": "http://127.0.0.1:9000/mcp"},
            "links.db.env is for a server that the harness starts",
        ),
    ],
)
def test_what_does_not_fit_is_said(links: Any, target: Any, message: str) -> None:
    """With the key, what is wrong, and what to do."""
    with pytest.raises(UsageError) as refused:
        read(links, target)

    assert message in "\n".join(refused.value.lines())


def test_an_unknown_link_names_yours() -> None:
    """They come first among those that there are."""
    with pytest.raises(UsageError, match=r"faults\[0\].link: unknown link 'moon'; there are db, client"):
        read({"db": DB}, faults=[{"fault": "down", "link": "moon", "at": "1s", "for": "1s"}])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "db=postgres://127.0.0.1:5432,env=DATABASE_URL",
            ("db", {"upstream": "postgres://127.0.0.1:5432", "env": "DATABASE_URL"}),
        ),
        (
            "api=http://127.0.0.1:9000,listen=9100",
            ("api", {"upstream": "http://127.0.0.1:9000", "listen": "9100"}),
        ),
        ("db=speaks=postgres,env=DATABASE_URL", ("db", {"speaks": "postgres", "env": "DATABASE_URL"})),
    ],
)
def test_a_flag_is_the_same(text: str, expected: tuple[str, dict[str, str]]) -> None:
    """As a scenario would say it."""
    name, data = link_from_flag(text)

    assert (name, data) == expected
    assert read({name: data}).links[name].protocol in {"postgres", "http"}


@pytest.mark.parametrize("text", ["db", "=x", "db=a://b,secretword", "db=a://b,password=secretword"])
def test_a_flag_that_cannot_be_read_is_not_repeated(text: str) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - every one says why
        link_from_flag(text)

    assert "secretword" not in str(refused.value)


def test_a_matrix_has_rows_for_each_link() -> None:
    """Every fault of the network; of a service that says nothing only those that show upstream."""
    own = {"db": DB, "far": {"upstream": "127.0.0.1:1", "speaks": "tcp", "listen": 7}}

    rows = matrix.rows(matrix.reachable(STARTED, {}), (), own)
    data = matrix.scenario(rows, matrix.QUICK, 5, own)

    assert {name for name in rows if name.endswith("-db")} == {
        f"{kind}-db"
        for kind in (
            "latency",
            "bandwidth",
            "down",
            "timeout",
            "reset_peer",
            "slow_close",
            "slicer",
            "limit_data",
        )
    }
    assert "limit_data-far" not in rows
    assert {fault.get("direction") for fault in data["faults"] if fault["link"] == "db"} == {None}
    (slow,) = [fault for fault in data["faults"] if fault["name"] == "latency-far"]
    assert slow["direction"] == "upstream"
    assert read(own, faults=data["faults"], load=data["load"], matrix=True).links
