"""`harness chaos`: a Chaos Toolkit experiment under load, or every fault of the catalogue one after the other."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from harness.cli.basic_options import DURATION, POSITIVE_DURATION, USERS
from harness.cli.options import scenario_data, shared
from harness.cli.plan import show
from harness.cli.sections import Sectioned
from harness.foundation.errors import PASSED, UsageError
from harness.foundation.units import duration_s

USERS_OF_EXPERIMENT, USERS_OF_MATRIX, USERS_OVER_STDIO = 5, 20, 5
MATRIX_ONLY = ("for_", "only", "quick", "dry_run")


@click.command(cls=Sectioned)
@click.argument("experiment", type=click.Path(path_type=Path), required=False)
@click.option("--matrix", is_flag=True, help="Try every fault that fits the target, one after the other.")
@click.option(
    "--only",
    metavar="KIND,ROW,...",
    help="With --matrix: only these faults (kill) or rows (kill-target).",
)
@click.option(
    "--quick", is_flag=True, help="With --matrix: spend less time on the baseline and on each fault."
)
@click.option(
    "--dry-run", is_flag=True, help="With --matrix: print the timeline and the total time, and run nothing."
)
@click.option(
    "--for", "for_", type=POSITIVE_DURATION, help="With --matrix: duration of each fault [default: 10s]."
)
@click.option(
    "--users",
    type=USERS,
    help="Number of users during the whole run [default: 5; with --matrix 20, or 5 over stdio].",
)
@click.option(
    "--before",
    type=POSITIVE_DURATION,
    help="Steady load before the experiment or each fault, as the baseline [default: 15s; with --matrix 33s].",
)
@click.option(
    "--after",
    type=DURATION,
    help="How long to watch the recovery [default: 10s; with --matrix 17s].",
)
@click.option(
    "--most",
    type=POSITIVE_DURATION,
    default="15m",
    show_default=True,
    help="Time limit for the whole experiment.",
)
@click.option("--steered", type=int, hidden=True)
@shared
def command(**given: Any) -> int:
    """Run a Chaos Toolkit experiment under load, and report what it did to the users.

    Its actions and probes are those of harness.faults.toolkit; see the files in chaos/. The same files work with
    `chaos run FILE`, which starts the load by itself.

    With --matrix, inject every fault of the catalogue, one after the other, and say how the target
    handled each: survived, degraded, broke, not exposed, or unknown. A file that is given then has to
    be a scenario; its target, users and work are used. Ctrl-C ends the matrix at any time: what
    was measured until then is reported.

    \b
    harness chaos chaos/slow-network.yaml
    harness chaos chaos/target-restart.yaml --users 20 --slo 'recovery < 10s after deploy'
    harness chaos --matrix --dry-run
    harness chaos --matrix --quick --only noop,kill,restart
    harness chaos --matrix --url http://127.0.0.1:8000/mcp
    harness chaos --matrix --quick --command 'npx -y @modelcontextprotocol/server-everything'
    """
    if given["matrix"]:
        return _matrix(given)
    if used := [name.rstrip("_").replace("_", "-") for name in MATRIX_ONLY if given[name]]:
        raise UsageError(f"--{used[0]} is for a matrix", "", "Add --matrix")
    if given["experiment"] is None:
        raise UsageError(
            "harness chaos needs an experiment, or --matrix",
            "",
            "harness chaos chaos/slow-network.yaml, or harness chaos --matrix",
        )
    return _experiment(given)


def _experiment(given: Mapping[str, Any]) -> int:
    from harness.cli.load_command import conduct
    from harness.conduct.run_values import Steered
    from harness.scenario.experiment import read_experiment
    from harness.scenario.links import names_in

    sustain = {"users": given["users"] or USERS_OF_EXPERIMENT, "for": given["most"]}
    base = {"name": "chaos", "load": [{"name": "steady", "sustain": sustain}]}
    data = scenario_data(given, base)
    steered = Steered(
        read_experiment(given["experiment"], names_in(data)),
        before_s=duration_s(given["before"] or "15s"),
        after_s=duration_s(given["after"] or "10s"),
        telling=given["steered"],
    )
    return conduct("chaos", data, given, steered=steered)


def _matrix(given: Mapping[str, Any]) -> int:
    from harness.cli.load_command import conduct

    if given["faults"]:
        raise UsageError(
            "--fault does not go with --matrix", "It has faults of its own", "Choose with --only"
        )
    data = _matrix_data(given)
    if given["dry_run"]:
        show(data, "harness chaos --matrix", as_json=given["as_json"])
        return PASSED
    return conduct("chaos", data, given)


def _matrix_data(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scenario of a matrix; its target is read first, since that decides which faults fit."""
    from harness.scenario import inapplicable, matrix
    from harness.scenario.read import read_file

    file = read_file(given["experiment"]) if given["experiment"] else {}
    usual = {"mix": matrix.MIX, "timeout": "10s", "calls_per_connection": matrix.CALLS_PER_CONNECTION}
    if given["stdio_command"] or inapplicable.is_stdio(file.get("target") or {}):
        usual = {"timeout": "30s"}  # a process takes its time to start, and has no other connection
    base = usual | {
        key: value for key, value in file.items() if key not in {"name", "load", "faults", "warm_up", "abort"}
    }
    data = scenario_data(given, base)
    target = data.get("target") or {}
    if not target.get("url") and not target.get("command"):
        # A version with sessions, so that a restart has something to lose.
        data["target"] = {"protocol": matrix.WITH_SESSIONS} | target
    only = [word.strip() for word in (given["only"] or "").split(",") if word.strip()]
    row = matrix.QUICK if given["quick"] else matrix.FULL
    times = matrix.Times(
        duration_s(given["before"]) if given["before"] else row.before_s,
        duration_s(given["for_"]) if given["for_"] else row.for_s,
        duration_s(given["after"]) if given["after"] else row.after_s,
    )
    own = data.get("links") or {}
    there = matrix.reachable(target, os.environ, only)
    rows = matrix.rows(there, only, own)
    beyond = inapplicable.beyond(matrix.wanted(only, own), rows, {*there, *own}, target)
    users = given["users"] or (USERS_OVER_STDIO if inapplicable.is_stdio(target) else USERS_OF_MATRIX)
    return data | matrix.scenario(rows, times, users, own, beyond)
