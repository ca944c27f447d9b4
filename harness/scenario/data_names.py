"""Checks of the names that templates look at: every row and every reply has to be there when a call is made."""

import re
from collections.abc import Iterator

from harness.foundation.errors import UsageError
from harness.scenario.arguments import REPLY, names_in, varies
from harness.scenario.load import Bench
from harness.scenario.model import Call, Scenario

_COLUMN = re.compile(r"\.[\w-]+")


def check_data(scenario: Scenario, source: str) -> None:
    """Check feeders, journeys, and the templates that look at them."""
    journeys: set[str] = set()
    for index, entry in enumerate(scenario.workload):
        path = f"{source}: workload[{index}]"
        if entry.journey in journeys:
            raise UsageError(
                f"{path}.journey: {entry.journey} is used twice", "", "Names of journeys are unique"
            )
        if entry.journey is None:
            _check(entry, set(scenario.data), path, "in a journey, the reply before is")
            continue
        journeys.add(entry.journey)
        known = set(scenario.data)
        for number, step in enumerate(entry.steps):
            _check(step, known, f"{path}.steps[{number}]", "the first step has no reply before it;")
            known |= {REPLY, *([step.as_] if step.as_ else [])}
    _check_headers(scenario, source)
    if journeys and any(scenario.clients.values()):
        raise UsageError(
            f"{source}: journeys do not go with clients",
            "A preset says how a client calls, and a journey what comes after what",
            "Leave out clients, or the journey",
        )
    if scenario.data and scenario.expect_workers:
        raise UsageError(
            f"{source}: data do not go with workers on other machines",
            "They do not have the files",
            "Leave out expect_workers; workers: 2 and more on this machine read them",
        )
    _check_once(scenario, source)


def _check_headers(scenario: Scenario, source: str) -> None:
    """Check that headers look at rows that a user keeps, and use no other template."""
    for header, text in scenario.target.headers.items():
        if not varies(text):
            continue
        path, looked = f"{source}: target.headers.{header}", [*names_in(text)]
        own = {name for name, feeder in scenario.data.items() if feeder.order == "own"}
        if not looked or any(name not in own or not _COLUMN.fullmatch(rest) for name, rest in looked):
            raise UsageError(
                f"{path} may look at a column of a feeder whose order is own, and at nothing else",
                "A user has its credentials for as long as it lives",
                "For example Authorization: 'Bearer {{people.token}}', with data: {people: {file: people.csv}}",
            )


def _check(entry: Call, known: set[str], path: str, why: str) -> None:
    for name, rest in names_in([entry.args, entry.read or ""]):
        if name not in known:
            there = ", ".join(f"{{{{{each}...}}}}" for each in sorted(known)) or "nothing: there are no data"
            raise UsageError(
                f"{path}: {{{{{name}{rest}}}}} looks at {name}, which is not there",
                f"There is {there}; {why} {{{{{REPLY}...}}}}",
                "Name a feeder (data), or an earlier step of the journey (as)",
            )


def needed_once(scenario: Scenario) -> int | None:
    """Return how many rows the load can ask for; None when that is not known beforehand."""
    loads = [phase.load for phase in scenario.load]
    if scenario.warm_up or scenario.workers != 1:
        return None
    return (
        sum(load.requests for load in loads if isinstance(load, Bench))
        if all(isinstance(load, Bench) for load in loads)
        else None
    )


def _check_once(scenario: Scenario, source: str) -> None:
    for name in _given_once(scenario):
        if needed_once(scenario) is None:
            raise UsageError(
                f"{source}: data.{name}.order: once needs a load that says how many calls it makes",
                "It is not known how many rows a load by time takes, nor which of several workers takes how many",
                "Use bench loads with one worker and no warm_up; or order: in_order, which begins again at the end",
            )


def _given_once(scenario: Scenario) -> Iterator[str]:
    return (name for name, feeder in scenario.data.items() if feeder.order == "once")


def calls_of(scenario: Scenario) -> Iterator[Call]:
    """Yield every call of the workload, those of journeys too."""
    for entry in scenario.workload:
        yield from entry.steps or [entry]
