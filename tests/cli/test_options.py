"""The command line as a scenario: what is given here wins over the file."""

import pytest

from harness.cli.options import scenario_data
from harness.foundation.errors import UsageError

NOTHING = dict.fromkeys(
    (
        "url", "protocol", "mix", "call", "args", "think", "timeout", "workers", "expect_workers", "bind", "seed", "retries",
        "calls_per_connection", "target_options", "expect_failures", "stdio_command", "users_per_process", "all_tools", "all_of_it", "allow_writes",
    ), None,
) | {"headers": (), "objectives": (), "abort": (), "alert": (), "allowed_hosts": (), "faults": ()}  # fmt: skip

FILE = {
    "name": "n",
    "target": {
        "command": ["server"],
        "ready": "http://127.0.0.1:1/",
        "protocol": "plain",
        "headers": {"A": "1"},
    },
    "objectives": ["p95 < 1s"],
    "seed": 7,
    "think": True,
    "retries": {"attempts": 5, "budget": "10%"},
    "calls_per_connection": 7,
}


def test_nothing_given_leaves_the_file_as_it_is() -> None:
    """And does not change it."""
    assert scenario_data(NOTHING, FILE) == FILE


@pytest.mark.parametrize(
    ("given", "key", "expected"),
    [
        ({"seed": 0}, "seed", 0),
        ({"expect_failures": True}, "expect_failures", True),
        ({"think": False}, "think", False),
        ({"all_tools": True}, "call_all", "tools"),
        ({"all_of_it": True}, "call_all", "everything"),
        ({"all_tools": True, "allow_writes": True}, "allow_writes", True),
        ({"workers": 2}, "workers", 2),
        ({"retries": 2}, "retries", {"budget": "10%", "attempts": 3}),
        ({"retries": 0}, "retries", None),
        ({"calls_per_connection": 3}, "calls_per_connection", 3),
        ({"calls_per_connection": 0}, "calls_per_connection", None),
        ({"expect_workers": 4}, "expect_workers", 4),
        ({"bind": "0.0.0.0:5557"}, "bind", "0.0.0.0:5557"),
        ({"timeout": "3s"}, "timeout", "3s"),
        ({"mix": "light=3, heavy=0"}, "mix", {"light": 3, "heavy": 0}),
        ({"objectives": ("p99 < 2s",)}, "objectives", ["p95 < 1s", "p99 < 2s"]),
        ({"abort": ("p95 > 1s for 5s",)}, "abort", ["p95 > 1s for 5s"]),
        ({"alert": ("console",)}, "alert", ["console"]),
        ({"allowed_hosts": ("h",)}, "allowed_hosts", ["h"]),
        ({"call": "echo", "args": '{"m": 1}'}, "workload", [{"call": "echo", "args": {"m": 1}}]),
        ({"url": "http://h/"}, "target", {"url": "http://h/", "protocol": "plain", "headers": {"A": "1"}}),
        ({"target_options": "--pool-max 3 --break 'open-door'"}, "target", FILE["target"] | {"options": ["--pool-max", "3", "--break", "open-door"]}),
        ({"stdio_command": "npx -y 'a b'"}, "target", {"transport": "stdio", "command": ["npx", "-y", "a b"], "protocol": "plain"}),
        ({"stdio_command": "npx a", "users_per_process": 4, "protocol": "auto"}, "target", {"transport": "stdio", "command": ["npx", "a"], "protocol": "auto", "users_per_process": 4}),
        ({"headers": ("B:  2",), "url": "u"}, "target", {"url": "u", "protocol": "plain", "headers": {"A": "1", "B": "2"}}),
        ({"protocol": "auto", "url": "u"}, "target", {"url": "u", "protocol": "auto", "headers": {"A": "1"}}),
    ],
)  # fmt: skip
def test_what_is_given_wins_over_the_file(given: dict[str, object], key: str, expected: object) -> None:
    """Zero and false are given too; objectives and hosts are added."""
    assert scenario_data(NOTHING | given, FILE)[key] == expected


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_url_does_not_silently_test_the_reference_server(url: str) -> None:
    """As `--url "$UNSET"` would."""
    with pytest.raises(UsageError, match="--url is empty"):
        scenario_data(NOTHING | {"url": url}, FILE)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"url": "http://h/", "stdio_command": "npx a"}, "--url and --command name two servers"),
        ({"stdio_command": " "}, "--command is empty"),
        ({"stdio_command": "npx 'a"}, "--command cannot be read"),
    ],
)
def test_a_command_of_a_stdio_server_is_one_server(given: dict[str, str], what: str) -> None:
    """Nothing is guessed where two are named, or none."""
    with pytest.raises(UsageError) as error:
        scenario_data(NOTHING | given, {})

    assert error.value.what == what


@pytest.mark.parametrize(
    ("given", "thinks"),
    [
        ({"call": "echo"}, False),
        ({"all_tools": True}, False),
        ({"all_of_it": True, "think": True}, True),
        ({"call": "echo", "think": True}, True),
        ({"url": "http://h/"}, None),
    ],
)
def test_users_who_call_what_was_named_do_not_pause_unless_told(given, thinks) -> None:
    assert scenario_data(NOTHING | given, {}).get("think") is thinks
