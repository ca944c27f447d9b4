"""The kinds of tasks: a registry. To add a kind, write one function and add one line to KINDS.

A kind checks its arguments when the task is submitted (BadTaskError), and does its work later; its return
value is the task's result. If workers die, the work may run more than once; one result counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.reference.databases import Databases
from harness.reference.dialect import RefusedError, known_database, known_schema
from harness.reference.json_object import JsonObject
from harness.reference.tasks.task import BadTaskError

WAIT_MAX_S: Final = 60.0
NAME_MAX: Final = 200
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task: its check, and its work."""

    check: Callable[[Arguments], None]
    work: Callable[[Databases, Arguments], Awaitable[Any]]


def checked(kind: object, arguments: object) -> tuple[str, JsonObject]:
    """Return kind and arguments of a task; raise BadTaskError if they are invalid."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadTaskError(f"kind must be one of {', '.join(KINDS)}.")
    if not isinstance(arguments, dict):
        raise BadTaskError("arguments must be an object.")
    KINDS[kind].check(arguments)
    return kind, arguments


def _check_wait(arguments: Arguments) -> None:
    seconds = arguments.get("seconds")
    if set(arguments) != {"seconds"} or type(seconds) not in {int, float} or not 0 <= seconds <= WAIT_MAX_S:  # type: ignore[operator]
        raise BadTaskError(f"wait takes seconds, from 0 to {WAIT_MAX_S:g}.")


async def _wait(_databases: Databases, arguments: Arguments) -> JsonObject:
    await asyncio.sleep(arguments["seconds"])
    return {"waited_s": arguments["seconds"]}


def _check_view(arguments: Arguments) -> None:
    names = [arguments.get(name) for name in ("database", "schema", "view")]
    fit = all(isinstance(name, str) and 0 < len(name) <= NAME_MAX and "\0" not in name for name in names)
    if len(arguments) != len(names) or not fit:
        raise BadTaskError("count_view takes database, schema and view, all text.")
    try:
        known_database(arguments["database"])
        known_schema(arguments["schema"])
    except RefusedError as error:
        raise BadTaskError(str(error)) from error


async def _count_view(databases: Databases, arguments: Arguments) -> JsonObject:
    schema, view = known_schema(arguments["schema"]).lower(), arguments["view"].lower().replace('"', '""')
    table = await databases.read[known_database(arguments["database"])].query(
        f'SELECT count(*) FROM {schema}."{view}"'  # noqa: S608  one of ours, and a quoted name
    )
    return {"rows": table.rows[0][0]}


KINDS: Final[Mapping[str, Kind]] = {
    "count_view": Kind(_check_view, _count_view),
    "wait": Kind(_check_wait, _wait),
}
