"""The options that name one call, and the workload that a scenario would say instead."""

from collections.abc import Mapping
from typing import Any

import click

from harness.cli.basic_options import Decorator
from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import DocumentError, json_value, short
from harness.mcp.json_object import JsonObject
from harness.scenario.expect import expect_from_flags
from harness.scenario.feeders import feeder_from_flag

CALL: Decorator = click.option(
    "--call", metavar="TOOL", help="Call only this tool, instead of the mix of the user classes."
)
ARGS: Decorator = click.option(
    "--args",
    metavar="JSON",
    help="Arguments for --call as JSON; templates such as {{random_int 1 100}} are filled in for each call.",
)
EXPECT: Decorator = click.option(
    "--expect",
    "expect",
    multiple=True,
    metavar="KEY=VALUE",
    help="With --call: what a reply has to be like, else the call has failed (`unexpected`): contains=TEXT, lacks=TEXT, "
    "matches=REGEX, path=$.items[0].id, path=$.count==3, schema=FILE; repeatable.",
)

DATA: Decorator = click.option(
    "--data",
    "data",
    multiple=True,
    metavar="NAME=FILE",
    help="Fill {{NAME.column}} in --args from the rows of a CSV, JSONL or Parquet file. By default each user has its own row; "
    "otherwise order=in_order, random or once. numbers=id+price names the columns of a CSV file that are numbers. Example: "
    "people=people.csv,order=random,numbers=id; repeatable.",
)


def feeders(given: Mapping[str, Any]) -> dict[str, dict[str, str | list[str]]]:
    """Return the feeders of `--data`, as a scenario would say them."""
    by_name: dict[str, dict[str, str | list[str]]] = {}
    for text in given.get("data") or ():
        try:
            name, feeder = feeder_from_flag(text)
        except ValueError as error:
            raise UsageError(
                f"--data {short(text)!r} cannot be read",
                str(error),
                "For example --data people=people.csv,order=random",
            ) from error
        by_name[name] = feeder
    return by_name


def workload(given: Mapping[str, Any]) -> list[JsonObject]:
    """Return the workload of `--call`; [] without it."""
    if given["call"]:
        expect = {"expect": _expect(given["expect"])} if given.get("expect") else {}
        return [{"call": given["call"], "args": arguments_of(given["args"])} | expect]
    if given["args"]:
        raise UsageError(
            "--args needs --call", "They are the arguments of the tool that --call names", "Add --call TOOL"
        )
    if given.get("expect"):
        raise UsageError(
            "--expect needs --call", "It says what the reply of that tool has to be like", "Add --call TOOL"
        )
    return []


def _expect(texts: tuple[str, ...]) -> JsonObject:
    try:
        return expect_from_flags(texts)
    except ValueError as error:
        raise UsageError(
            "--expect cannot be read",
            str(error),
            "For example --expect contains=note --expect 'path=$.items[0].id'",
        ) from error


def arguments_of(text: str | None) -> JsonObject:
    try:
        value = json_value(text or "{}")
    except DocumentError as error:
        raise UsageError(
            f"--args {short(str(text))!r} is not JSON",
            str(error),
            """For example --args '{"message": "hi"}'""",
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            "--args must be a JSON object",
            f"It is {short(str(text))}",
            """For example --args '{"message": "hi"}'""",
        )
    return value
