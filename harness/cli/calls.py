"""The options that call everything a server offers, and what is called in a scenario for them or for --call."""

from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import click

from harness.cli.basic_options import Decorator
from harness.cli.call_options import workload

EVERYTHING: Final[tuple[Decorator, ...]] = (
    click.option(
        "--all-tools",
        is_flag=True,
        help="Call every tool that the server annotates as read-only, with arguments made from its schema; each is tried before the load.",
    ),
    click.option(
        "--all", "all_of_it", is_flag=True, help="Like --all-tools, and also read resources and get prompts."
    ),
    click.option(
        "--allow-writes",
        is_flag=True,
        help="With --all-tools or --all: also call tools that are not annotated as read-only.",
    ),
)


def into_calls(given: Mapping[str, Any], data: MutableMapping[str, Any]) -> None:
    """Put what is to be called into the scenario: one tool, or all that the server offers."""
    calls = workload(given)
    if calls:
        data["workload"] = calls
    everything = given["all_tools"] or given["all_of_it"]
    if everything:
        data["call_all"] = "everything" if given["all_of_it"] else "tools"
        if not calls:
            data.pop("workload", None)
    if given["allow_writes"]:
        data["allow_writes"] = True
    if (calls or everything) and "think" not in data and not data.get("clients"):
        data["think"] = False  # these calls imitate nobody
