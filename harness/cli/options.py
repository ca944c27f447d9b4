"""Options that all load commands share, and how they become a scenario.

The command line wins over HARNESS_* variables, over the scenario file, over defaults: an option that was
not given is `None` here and leaves whatever the file says.
"""

import shlex
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import click
from click.core import ParameterSource

from harness.cli.access_options import AUTH, TLS, UNIX_SOCKET, WAIT, at_socket, target_data
from harness.cli.basic_options import ALLOW_HOST, OUT, POSITIVE_DURATION, Decorator
from harness.cli.call_options import ARGS, CALL, DATA, EXPECT, feeders
from harness.cli.calls import EVERYTHING, into_calls
from harness.cli.fault_options import FAULT, LINK, fault_of, link_of
from harness.foundation.errors import UsageError
from harness.foundation.units import said
from harness.foundation.untrusted.documents import short
from harness.scenario.catalogue import BALANCES, CLIENTS, USER_CLASSES
from harness.scenario.model import PROTOCOLS

_DEFAULT_MIX = ",".join(f"{name}={user.weight}" for name, user in USER_CLASSES.items())
ONE_OR_MANY = ("abort", "alert")  # one line may stand without a list around it


_SHARED: tuple[Decorator, ...] = (
    click.option(
        "--url",
        metavar="URL",
        envvar="HARNESS_URL",
        help="Address of the server under test. Without it, the harness starts its reference server.",
    ),
    click.option(
        "--command",
        "stdio_command",
        metavar="'PROGRAM ...'",
        help="Command of a server under test that speaks over its standard input and output (stdio): every session "
        "starts it, such as 'npx -y some-server'. A server that has a URL is given with --url; if the harness is to start "
        "that one, a scenario says how (target.command and ready).",
    ),
    click.option(
        "--users-per-process",
        type=click.IntRange(1, 1000),
        help="With --command: number of users that share one process and its session [default: 1].",
    ),
    click.option(
        "--target-options",
        metavar="'--OPTION VALUE ...'",
        help="Options for the reference server, the same as for `harness serve`, such as '--break sessions-in-memory'.",
    ),
    click.option(
        "--processes",
        type=click.IntRange(1, 16),
        help="Number of processes of the server (the reference server, or target.command of a scenario), behind a load balancer [default: 1].",
    ),
    click.option(
        "--balance",
        type=click.Choice(BALANCES),
        help="With several processes: what the load balancer keeps on one of them: a session, a connection, or a client's address. With "
        "`requests` it keeps nothing: requests go round-robin [default: session].",
    ),
    click.option(
        "--protocol",
        envvar="HARNESS_PROTOCOL",
        type=click.Choice(PROTOCOLS),
        help="Protocol to use [default: auto].",
    ),
    click.option(
        "--mix",
        envvar="HARNESS_MIX",
        metavar="light=3,heavy=1,...",
        help=f"Weights of the user classes [default: {_DEFAULT_MIX}].",
    ),
    click.option(
        "--clients",
        envvar="HARNESS_CLIENTS",
        metavar="agent=3,session-per-call=1,...",
        help=f"Weights of presets that behave as real clients do, instead of --mix: {', '.join(CLIENTS)}.",
    ),
    CALL,
    ARGS,
    DATA,
    EXPECT,
    *EVERYTHING,
    click.option(
        "--expect-failures",
        is_flag=True,
        help="Skip the trial calls before the load, and continue even if the first 20 calls all fail.",
    ),
    click.option("--think/--no-think", default=None, help="Let users pause between calls, or not."),
    click.option(
        "--timeout",
        type=POSITIVE_DURATION,
        envvar="HARNESS_TIMEOUT",
        help="Time limit for one call; without an answer by then it has failed [default: 30s].",
    ),
    click.option(
        "--warm-up",
        type=POSITIVE_DURATION,
        help="Run the load of the first step for this long before anything is measured.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 19),
        envvar="HARNESS_RETRIES",
        help="Number of times a user retries a failed call, with back-off and a retry budget [default: 0].",
    ),
    click.option(
        "--calls-per-connection",
        type=click.IntRange(min=0),
        envvar="HARNESS_CALLS_PER_CONNECTION",
        help="Close an HTTP connection after this many calls and open a new one for the next call; 0: never. "
        "WebSocket and HTTP+SSE connections stay open: they are the session [default: 0; with --matrix 20].",
    ),
    click.option(
        "-H",
        "--header",
        "headers",
        multiple=True,
        metavar="'Name: value'",
        help="HTTP header to send with every request, such as 'Authorization: Bearer ${TOKEN}' in single quotes; repeatable.",
    ),
    AUTH,
    *TLS,
    UNIX_SOCKET,
    WAIT,
    click.option(
        "--slo",
        "objectives",
        multiple=True,
        metavar="OBJECTIVE",
        help="Objective that decides pass or fail, such as 'p95 < 250ms'; repeatable.",
    ),
    click.option(
        "--abort",
        multiple=True,
        metavar="RULE",
        help="End the run early when this is true, such as 'success_rate < 50% for 10s'; repeatable.",
    ),
    click.option(
        "--alert",
        multiple=True,
        metavar="console|URL",
        help="Send an alert when an objective stops holding during the run, to the console or to a webhook; repeatable.",
    ),
    click.option(
        "--prometheus",
        envvar="HARNESS_PROMETHEUS",
        metavar="[HOST:]PORT",
        help="Serve metrics for Prometheus during the run; without HOST on loopback; port 0 picks a free port.",
    ),
    click.option("--web", is_flag=True, help="Show the running load in Locust's web UI, on loopback."),
    FAULT,
    LINK,
    click.option(
        "--workers",
        type=click.IntRange(0, 64),
        envvar="HARNESS_WORKERS",
        help="Number of load-generating processes on this machine [default: 1; 0 with --expect-workers].",
    ),
    click.option(
        "--expect-workers",
        type=click.IntRange(0, 64),
        envvar="HARNESS_EXPECT_WORKERS",
        help="Number of workers to wait for from other machines (`locust --worker`) before the load begins.",
    ),
    click.option(
        "--bind",
        metavar="HOST:PORT",
        envvar="HARNESS_BIND",
        help="Address on which workers from other machines join [default: 127.0.0.1:5557].",
    ),
    click.option("--seed", type=int, envvar="HARNESS_SEED", help="Seed for all random choices [default: 0]."),
    ALLOW_HOST,
    OUT,
    click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object."),
    click.option(
        "--history/--no-history",
        "history",
        envvar="HARNESS_HISTORY",
        default=True,
        help="Keep the run in the history (`harness history`), or not [default: keep it].",
    ),
)


def shared(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that all load commands share."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def scenario_data(given: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scenario as a file would give it: `base`, overridden by the command line."""
    data = dict(base)
    if target := _target(given, dict(part(data, "target", {}))):
        data["target"] = target
    _users(given, data)
    into_calls(given, data)
    plain = ("think", "timeout", "warm_up", "workers", "expect_workers", "bind", "seed")
    data |= {key: given[key] for key in plain if given.get(key) is not None}
    data |= {
        key: [*part(data, key, []), *given[key]]
        for key in ("objectives", "abort", "alert", "allowed_hosts")
        if given[key]
    }
    if given["expect_failures"]:
        data["expect_failures"] = True
    if given["retries"] is not None:
        more = given["retries"]
        data["retries"] = {**part(data, "retries", {}), "attempts": more + 1} if more else None
    if given["calls_per_connection"] is not None:
        data["calls_per_connection"] = given["calls_per_connection"] or None
    if given.get("data"):
        data["data"] = {**part(data, "data", {}), **feeders(given)}
    if given.get("links"):
        data["links"] = {**part(data, "links", {}), **dict(map(link_of, given["links"]))}
    if given["faults"]:
        data["faults"] = [*part(data, "faults", []), *map(fault_of, given["faults"])]
    return data


def _users(given: Mapping[str, Any], data: MutableMapping[str, Any]) -> None:
    """Take over who the users are: a mix, or presets of clients, each in the place of the other."""
    if given["mix"]:
        data["mix"] = _weights(given["mix"], "--mix light=3,heavy=1", "class")
        data.pop("clients", None)
    if given.get("clients"):
        data["clients"] = _weights(given["clients"], "--clients agent=3,session-per-call=1", "preset")
        if not given["mix"]:
            data.pop("mix", None)


def part(data: Mapping[str, Any], key: str, empty: dict[str, object] | list[object]) -> Any:
    """Return the list or mapping under a key of the file; raise UsageError for anything else."""
    value = data.get(key)
    if value is None:
        return empty
    if isinstance(value, str) and isinstance(empty, list) and key in ONE_OR_MANY:
        return [value]
    if not isinstance(value, type(empty)):
        shape = "a list" if isinstance(empty, list) else "a mapping"
        raise UsageError(
            f"{key}: should be {shape}", f"It is {short(repr(value))}", "See docs/scenarios.md for the keys"
        )
    return value


def _target(given: Mapping[str, Any], target: dict[str, object]) -> dict[str, object]:
    """Return the target: --url replaces the server of the file, other options are added to it."""
    if given["url"] is not None and not given["url"].strip():
        raise UsageError(
            "--url is empty",
            "A shell variable that is not set would test the reference server instead of yours",
            "Give the address, or leave --url out to test the reference server",
        )
    if given["stdio_command"] is not None:
        target = _stdio(given, target)
    elif url := at_socket(given["url"], given.get("unix_socket")):
        target = {"url": url} | {
            key: target[key]
            for key in ("protocol", "headers", "listen", "auth", "tls", "wait")
            if key in target
        }
    if given["users_per_process"] is not None:
        target["users_per_process"] = given["users_per_process"]
    if given["protocol"]:
        target["protocol"] = given["protocol"]
    for key in ("processes", "balance"):
        if given.get(key) is not None:
            target[key] = given[key]
    if given["target_options"]:
        target["options"] = [*part(target, "options", []), *words(given["target_options"])]
    if given["headers"]:
        target["headers"] = dict(part(target, "headers", {})) | dict(map(header, given["headers"]))
    return {**target, **target_data(given)}


def _stdio(given: Mapping[str, Any], target: Mapping[str, object]) -> dict[str, object]:
    """Return a target whose sessions are processes."""
    context = click.get_current_context(silent=True)
    source = context.get_parameter_source("url") if context else None
    if given["url"] and source is not ParameterSource.ENVIRONMENT:
        raise UsageError(
            "--url and --command name two servers",
            "--url is one that runs; --command is started for every session, and spoken to over stdio",
            "Leave one of them out; a server with a URL that the harness is to start stands in a scenario (target.command)",
        )
    command = words(given["stdio_command"], "--command")
    if not command:
        raise UsageError(
            "--command is empty",
            "It is the command line of a server that speaks over stdio",
            "For example --command 'npx -y @modelcontextprotocol/server-everything'",
        )
    kept = {key: target[key] for key in ("protocol", "users_per_process") if key in target}
    return {"transport": "stdio", "command": command} | kept


def words(text: str, option: str = "--target-options") -> list[str]:
    """As a shell would divide them."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{option} cannot be read", str(error), "Close the quote") from error


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(
            "A --header is not a header",
            "It has no colon. It is not shown, because it may be a secret",
            "Write it as 'Name: value'",
        )
    return name.strip(), value.strip()


def _weights(text: str, example: str, kind: str) -> dict[str, int]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        weights = {name.strip(): int(weight) for name, weight in pairs}
    except ValueError:
        weights, pairs = {}, []
    if not weights or len(weights) < len(pairs):
        raise UsageError(
            f"{example.partition(' ')[0]} {said(text)} cannot be read",
            f"It is a list of {kind}=weight, each {kind} once",
            f"For example {example}",
        )
    return weights
